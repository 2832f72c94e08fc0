import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import LABEL, X, Y, document, load, schema, score


def above(limit: float, field: str = "x") -> str:
    return f'<SimplePredicate field="{field}" operator="greaterThan" value="{limit}"/>'


def rule(name: str, label: str, predicate: str, weight: float = 1.0, confidence: float = 1.0, inner: str = "") -> str:
    return (
        f'<SimpleRule id="{name}" score="{label}" weight="{weight}" confidence="{confidence}">{predicate}{inner}'
        "</SimpleRule>"
    )


# For x > 2 all three fire: yes has the greatest single weight, no the greatest sum.
RULES = (
    rule("r1", "no", above(0), 0.6, 0.7) + rule("r2", "yes", above(1), 0.9, 0.8) + rule("r3", "no", above(2), 0.5, 0.9)
)
OUTPUT = (
    '<Output><OutputField name="id" feature="entityId"/><OutputField name="c" feature="confidence"/>'
    '<OutputField name="p" feature="probability"/>'
    '<OutputField name="p_yes" feature="probability" value="yes"/></Output>'
)


def rule_set(
    rules: str = RULES, criterion: str = "firstHit", attributes: str = "", function: str = "classification"
) -> bytes:
    methods = f'<RuleSelectionMethod criterion="{criterion}"/><RuleSelectionMethod criterion="firstHit"/>'
    target = "label" if function == "classification" else "y"
    names = ("x", "y") if target == "label" else ("x",)
    return document(
        f'<RuleSetModel functionName="{function}">{schema(*names, target=target)}{OUTPUT}'
        f"<RuleSet {attributes}>{methods}{rules}</RuleSet></RuleSetModel>",
        X + Y + LABEL,
    )


@pytest.mark.parametrize(
    ("criterion", "label", "confidence", "identity"),
    [("firstHit", "no", 0.7, "r1"), ("weightedMax", "yes", 0.8, "r2"), ("weightedSum", "no", 1.1 / 3, "r1")],
)
def test_each_criterion_selects_among_the_rules_that_fire(
    criterion: str, label: str, confidence: float, identity: str
) -> None:
    outputs = score(rule_set(criterion=criterion), x=[3.0], y=[0.0])
    assert ([label], [identity]) == (outputs["label"], outputs["id"])
    assert outputs["c"] == pytest.approx([confidence])


@pytest.mark.parametrize("criterion", ["firstHit", "weightedMax", "weightedSum"])
def test_the_default_holds_where_no_rule_fires(criterion: str) -> None:
    content = rule_set(criterion=criterion, attributes='defaultScore="yes" defaultConfidence="0.2"')
    outputs = score(content, x=[-1.0, None], y=[0.0, 0.0])
    assert (["yes", "yes"], [0.2, 0.2], [None, None]) == (outputs["label"], outputs["c"], outputs["id"])


def test_without_a_default_there_is_no_prediction() -> None:
    outputs = score(rule_set(), x=[-1.0, 1.0], y=[0.0, 0.0])
    assert ([None, "no"], [None, 0.7]) == (outputs["label"], outputs["c"])


def test_of_equal_weights_the_first_rule_wins() -> None:
    rules = rule("r1", "yes", above(0)) + rule("r2", "no", above(0))
    for criterion in ("weightedMax", "weightedSum"):
        assert ["yes"] == score(rule_set(rules, criterion), x=[1.0], y=[0.0])["label"]


def test_a_compound_rule_stands_before_each_of_its_rules() -> None:
    inner = rule("r1", "yes", above(5)) + f"<CompoundRule>{above(5, 'y')}{rule('r2', 'no', '<True/>')}</CompoundRule>"
    content = rule_set(f"<CompoundRule>{above(0)}{inner}</CompoundRule>", attributes='defaultScore="none"')
    expected = ["yes", "no", "none", "none"]
    assert expected == score(content, x=[6.0, 1.0, 1.0, -1.0], y=[0.0, 6.0, 0.0, 6.0])["label"]


def test_a_score_distribution_gives_probabilities() -> None:
    counts = '<ScoreDistribution value="yes" recordCount="30"/><ScoreDistribution value="no" recordCount="10"/>'
    content = rule_set(rule("r1", "no", above(0), inner=counts) + rule("r2", "yes", above(-9)))
    outputs = score(content, x=[1.0, -1.0], y=[0.0, 0.0])
    assert ([0.25, None], [0.75, None]) == (outputs["p"], outputs["p_yes"])


def test_the_rules_of_a_regression_score_numbers() -> None:
    content = rule_set(rule("r1", "2.5", above(0)), attributes='defaultScore="-1"', function="regression")
    assert [2.5, -1.0] == score(content, x=[1.0, -1.0])["y"]


def test_no_rules_at_all_leave_the_default() -> None:
    for criterion in ("firstHit", "weightedSum"):
        assert ["no"] == score(rule_set("", criterion, 'defaultScore="no"'), x=[1.0], y=[1.0])["label"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (rule_set(criterion="bestHit"), "criterion='bestHit' is none of"),
        (rule_set("<SimpleRule><True/></SimpleRule>"), "SimpleRule, line 1: the attribute 'score' is missing"),
        (rule_set('<SimpleRule score="no"/>'), "it holds no predicate"),
        (rule_set("<CompoundRule><True/></CompoundRule>"), "it holds no rules"),
        (rule_set(function="regression"), "the scores of a regression must be numbers"),
    ],
)
def test_broken_rule_sets_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(content)
