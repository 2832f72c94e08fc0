import pytest

from headrace.errors import ModelFormatError, UnsupportedError
from tests.formats.pmml.building import COLOUR, LABEL, X, Y, document, load, schema, score


def low(limit: float, field: str = "x") -> str:
    return f'<SimplePredicate field="{field}" operator="lessOrEqual" value="{limit}"/>'


def high(limit: float, field: str = "x") -> str:
    return f'<SimplePredicate field="{field}" operator="greaterThan" value="{limit}"/>'


def counts(yes: float, no: float, **attributes: float) -> str:
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        f'<ScoreDistribution value="yes" recordCount="{yes}"{given}/><ScoreDistribution value="no" recordCount="{no}"/>'
    )


# The outer node asks x, the inner one y; yes has 40 of 100 records at x <= 1, 90 of 100 at x > 1 and y <= 5.
NODES = (
    '<Node id="0" score="yes" recordCount="300"><True/>'
    f'<Node id="a" score="no" recordCount="100">{low(1)}{counts(40, 60)}</Node>'
    f'<Node id="b" score="yes" recordCount="200" defaultChild="d">{high(1)}{counts(110, 90)}'
    f'<Node id="c" score="yes" recordCount="100">{low(5, "y")}{counts(90, 10)}</Node>'
    f'<Node id="d" score="no" recordCount="100">{high(5, "y")}{counts(20, 80)}</Node>'
    "</Node></Node>"
)
OUTPUT = (
    '<Output><OutputField name="p" feature="probability" value="yes"/><OutputField name="id" feature="entityId"/>'
    '<OutputField name="c" feature="confidence"/></Output>'
)


def tree(attributes: str = "", nodes: str = NODES, output: str = OUTPUT, function: str = "classification") -> bytes:
    return document(
        f'<TreeModel functionName="{function}" {attributes}>{schema("x", "y", target="label")}{output}{nodes}'
        "</TreeModel>",
        X + Y + LABEL,
    )


def test_a_record_goes_to_its_leaf() -> None:
    expected = {
        "label": ["no", "yes", "no"],
        "p": [0.4, 0.9, 0.2],
        "id": ["a", "c", "d"],
        "c": [0.6, 0.9, 0.8],
    }
    assert expected == score(tree(), x=[0.0, 2.0, 2.0], y=[0.0, 5.0, 6.0])


@pytest.mark.parametrize(
    ("attributes", "label", "probability", "identity"),
    [
        ('missingValueStrategy="none"', None, None, None),
        ('missingValueStrategy="none" noTrueChildStrategy="returnLastPrediction"', "yes", 0.55, "b"),
        ('missingValueStrategy="nullPrediction"', None, None, None),
        ('missingValueStrategy="lastPrediction"', "yes", 0.55, "b"),
        ('missingValueStrategy="defaultChild"', "no", 0.2, "d"),
    ],
)
def test_a_missing_value_is_treated_as_the_strategy_says(
    attributes: str, label: str | None, probability: float | None, identity: str | None
) -> None:
    outputs = score(tree(attributes), x=[2.0], y=[None])
    assert ([label], [probability], [identity]) == (outputs["label"], outputs["p"], outputs["id"])


def test_a_detour_costs_confidence() -> None:
    outputs = score(tree('missingValueStrategy="defaultChild" missingValuePenalty="0.5"'), x=[2.0, 2.0], y=[None, 6.0])
    assert ([0.4, 0.8], [0.2, 0.2]) == (outputs["c"], outputs["p"])


def test_weighted_confidence_follows_every_branch_by_its_records() -> None:
    outputs = score(tree('missingValueStrategy="weightedConfidence"'), x=[2.0, None], y=[None, None])
    # y unknown: (90 + 20) / 200; x unknown as well: a third of 0.4 and two thirds of that
    assert outputs["p"] == pytest.approx([0.55, 0.4 / 3 + 0.55 * 2 / 3])


def test_aggregated_nodes_add_up_the_records_of_the_leaves() -> None:
    outputs = score(tree('missingValueStrategy="aggregateNodes"'), x=[None], y=[None])
    assert outputs["p"] == pytest.approx([(40 + 90 + 20) / 300])


def test_given_probabilities_and_confidences_go_before_record_counts() -> None:
    nodes = f'<Node score="yes"><True/>{counts(1, 1, probability=0.7, confidence=0.6)}</Node>'
    outputs = score(tree(nodes=nodes), x=[1.0], y=[1.0])
    assert ([0.7], [0.6]) == (outputs["p"], outputs["c"])


def test_without_a_score_the_most_frequent_class_wins() -> None:
    nodes = f"<Node><True/>{counts(1, 2)}</Node>"
    assert ["no"] == score(tree(nodes=nodes), x=[1.0], y=[1.0])["label"]


def test_nodes_without_an_id_are_numbered_in_the_order_of_the_document() -> None:
    nodes = (
        f'<Node score="yes"><True/><Node score="no">{low(1)}<Node score="no">{low(0)}</Node></Node>'
        f'<Node score="yes">{high(1)}</Node></Node>'
    )
    outputs = score(tree(nodes=nodes), x=[0.0, 2.0], y=[0.0, 0.0])
    assert ["3", "4"] == outputs["id"]


def test_a_root_that_does_not_hold_gives_no_prediction() -> None:
    nodes = f'<Node score="yes">{low(1)}</Node>'
    assert ["yes", None, None] == score(tree(nodes=nodes), x=[1.0, 2.0, None], y=[0.0] * 3)["label"]


def test_numbers_are_compared_as_texts_where_the_field_holds_text() -> None:
    grades = (
        '<DataField name="x" optype="categorical" dataType="string"><Value value="1.0"/><Value value="01"/></DataField>'
    )
    model = (
        f'<TreeModel functionName="regression">{schema("x")}<Node><True/>'
        '<Node score="1"><SimplePredicate field="x" operator="equal" value="1.0"/></Node>'
        '<Node score="2"><SimplePredicate field="x" operator="equal" value="01"/></Node></Node></TreeModel>'
    )
    assert [2.0, 1.0] == score(document(model, grades), x=["01", "1.0"])["prediction"]


@pytest.mark.parametrize(
    ("attributes", "nodes", "problem"),
    [
        ('missingValueStrategy="guess"', NODES, "missingValueStrategy='guess' is none of"),
        ("", '<Node score="yes"/>', "Node, line 1: it holds no predicate"),
        ("", '<Node defaultChild="z"><True/></Node>', "defaultChild='z' is the id of none of its children"),
        ("", "", "TreeModel, line 1: it holds no Node"),
        ("", '<Node recordCount="many"><True/></Node>', "recordCount='many' is not a number"),
    ],
)
def test_broken_trees_are_refused(attributes: str, nodes: str, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(tree(attributes, nodes))


def test_a_score_that_is_no_number_is_refused_in_a_regression() -> None:
    with pytest.raises(ModelFormatError, match="the score 'yes'"):
        load(
            document(
                f'<TreeModel functionName="regression">{schema("x")}<Node score="yes"><True/></Node></TreeModel>', X
            )
        )


def test_sets_are_tested_in_trees() -> None:
    model = (
        f'<TreeModel functionName="regression">{schema("colour")}<Node><True/>'
        '<Node score="1"><SimpleSetPredicate field="colour" booleanOperator="isIn">'
        '<Array type="string">red blue</Array></SimpleSetPredicate></Node>'
        '<Node score="2"><True/></Node></Node></TreeModel>'
    )
    assert [1.0, 2.0, 2.0] == score(document(model, COLOUR), colour=["blue", "green", None])["prediction"]


def regression(coefficient: float, more: str = "") -> str:
    """A regression in a node: what it adds to 1 for y."""
    return (
        f'<Regression functionName="regression">{more}<RegressionTable intercept="1">'
        f'<NumericPredictor name="y" coefficient="{coefficient}"/></RegressionTable></Regression>'
    )


def composed(attributes: str = "", more: str = "") -> bytes:
    nodes = (
        f'<Node id="0"><True/><Node id="a" score="7">{low(1)}{regression(10, more)}</Node>'
        f'<Node id="b" score="8">{high(1)}<Node id="c" score="9">{low(5)}</Node>'
        f'<Node id="d">{high(5)}{regression(100)}</Node></Node></Node>'
    )
    output = '<Output><OutputField name="id" feature="entityId"/></Output>'
    return document(f'<TreeModel functionName="regression" {attributes}>{schema("x", "y")}{output}{nodes}</TreeModel>')


def test_a_node_may_hold_a_regression_and_a_score_where_that_has_none() -> None:
    found = score(composed(), x=[0.0, 2.0, 6.0, 0.0, 6.0, None], y=[1.0, 1.0, 2.0, None, None, 1.0])
    assert found["prediction"] == [11.0, 9.0, 201.0, 7.0, None, None]
    assert found["id"] == ["a", "c", "d", "a", "d", None]


def test_a_regression_in_a_node_may_derive_fields() -> None:
    more = (
        '<LocalTransformations><DerivedField name="y" optype="continuous" dataType="double">'
        "<Constant>3</Constant></DerivedField></LocalTransformations>"
    )
    assert score(composed(more=more), x=[0.0, 6.0], y=[1.0, 2.0])["prediction"] == [31.0, 201.0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (composed('missingValueStrategy="weightedConfidence"'), "over regressions in nodes"),
        (composed().replace(b"Regression functionName", b"DecisionTree functionName"), "embedded in a node"),
    ],
)
def test_compositions_that_are_not_supported_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(UnsupportedError, match=problem):
        load(content.replace(b"</Regression>", b"</DecisionTree>") if b"DecisionTree" in content else content)
