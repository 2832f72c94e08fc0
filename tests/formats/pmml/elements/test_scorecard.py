import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import COLOUR, X, Y, document, load, schema, score


def attribute(points: object, predicate: str, code: str = "") -> str:
    reason = f' reasonCode="{code}"' if code else ""
    return f'<Attribute partialScore="{points}"{reason}>{predicate}</Attribute>'


def at_least(limit: float, field: str) -> str:
    return f'<SimplePredicate field="{field}" operator="greaterOrEqual" value="{limit}"/>'


def less(limit: float, field: str) -> str:
    return f'<SimplePredicate field="{field}" operator="lessThan" value="{limit}"/>'


def characteristic(name: str, attributes: str, baseline: object = "", code: str = "") -> str:
    given = f' baselineScore="{baseline}"' if baseline != "" else ""
    given += f' reasonCode="{code}"' if code else ""
    return f'<Characteristic name="{name}"{given}>{attributes}</Characteristic>'


AGE = characteristic(
    "age",
    attribute(-1, '<SimplePredicate field="x" operator="isMissing"/>', "AGE_UNKNOWN")
    + attribute(-3, less(18, "x"))
    + attribute(0, less(29, "x"))
    + attribute(12, less(40, "x"))
    + attribute(18, at_least(40, "x")),
    18,
    "AGE",
)
INCOME = characteristic("income", attribute(26, less(1000, "y")) + attribute(5, at_least(1000, "y")), 10, "INCOME")
REASONS = "".join(f'<OutputField name="r{rank}" feature="reasonCode" rank="{rank}"/>' for rank in (1, 2, 3))


def scorecard(
    characteristics: str = AGE + INCOME, attributes: str = 'initialScore="100"', output: str = REASONS
) -> bytes:
    return document(
        f'<Scorecard functionName="regression" {attributes}>{schema("x", "y")}<Output>'
        f'<OutputField name="score" feature="predictedValue"/>{output}</Output>'
        f"<Characteristics>{characteristics}</Characteristics></Scorecard>",
        X + Y + COLOUR,
    )


def test_partial_scores_are_added_to_the_initial_one() -> None:
    outputs = score(scorecard(), x=[50.0, 17.0, 28.0, None], y=[2000.0, 1.0, 1.0, 1.0])
    assert [123.0, 123.0, 126.0, 125.0] == outputs["score"]


@pytest.mark.parametrize(
    ("algorithm", "reasons"),
    [
        # below the baselines: age 18 - 0 = 18, income 10 - 26 = -16; of the second record 18 - 18 = 0 and 10 - 5 = 5
        ("pointsBelow", (["AGE", "INCOME"], ["INCOME", "AGE"])),
        ("pointsAbove", (["INCOME", "AGE"], ["AGE", "INCOME"])),
    ],
)
def test_reasons_are_ranked_by_their_distance_from_the_baseline(
    algorithm: str, reasons: tuple[list[str], list[str]]
) -> None:
    attributes = f'initialScore="0" reasonCodeAlgorithm="{algorithm}"'
    outputs = score(scorecard(attributes=attributes), x=[20.0, 60.0], y=[10.0, 2000.0])
    assert reasons[0] == [outputs["r1"][0], outputs["r2"][0]]
    assert reasons[1] == [outputs["r1"][1], outputs["r2"][1]]
    assert [None, None] == outputs["r3"]


def test_an_attribute_may_have_a_reason_of_its_own_and_all_may_come_at_once() -> None:
    output = (
        '<OutputField name="all" feature="reasonCode" rank="0" isMultiValued="1"/>'
        '<OutputField name="one" feature="reasonCode"/>'
    )
    outputs = score(scorecard(output=output), x=[None], y=[1.0])
    assert (["[AGE_UNKNOWN, INCOME]"], ["AGE_UNKNOWN"]) == (outputs["all"], outputs["one"])


def test_a_reason_that_occurs_again_keeps_its_first_rank() -> None:
    outputs = score(scorecard(AGE.replace('"AGE"', '"SAME"') + INCOME.replace("INCOME", "SAME")), x=[20.0], y=[1.0])
    assert (["SAME"], [None]) == (outputs["r1"], outputs["r2"])


def test_the_baseline_of_the_scorecard_stands_in_for_one_of_its_own() -> None:
    content = scorecard(AGE.replace(' baselineScore="18"', "") + INCOME, 'baselineScore="-50"')
    assert ["INCOME"] == score(content, x=[20.0], y=[1.0])["r1"]


def test_a_partial_score_may_be_computed() -> None:
    expression = (
        '<ComplexPartialScore><Apply function="*"><FieldRef field="x"/><Constant>2</Constant></Apply>'
        "</ComplexPartialScore>"
    )
    computed = f"<Attribute>{at_least(10, 'x')}{expression}</Attribute>"
    content = scorecard(characteristic("x", computed + attribute(7, "<True/>"), 0, "X"), 'initialScore="1"')
    assert [25.0, 8.0] == score(content, x=[12.0, 3.0], y=[0.0, 0.0])["score"]


def test_a_characteristic_without_a_true_attribute_leaves_no_score_and_no_reason() -> None:
    outputs = score(scorecard(), x=[50.0, 50.0], y=[None, 1.0])
    assert ([None, 144.0], [None, "AGE"]) == (outputs["score"], outputs["r1"])


def test_without_reason_codes_nothing_needs_a_baseline() -> None:
    plain = characteristic("x", attribute(1, "<True/>"))
    outputs = score(scorecard(plain, 'useReasonCodes="false"'), x=[1.0], y=[1.0])
    assert ([1.0], [None]) == (outputs["score"], outputs["r1"])


@pytest.mark.parametrize(
    ("characteristics", "attributes", "problem"),
    [
        ("", "", "it holds no Characteristic"),
        (characteristic("x", "", 1, "X"), "", "it holds no Attribute"),
        (characteristic("x", attribute(1, "<True/>"), "", "X"), "", "reason codes need a baselineScore"),
        (characteristic("x", attribute(1, "<True/>"), 1), "", "it has no reasonCode, nor has its Characteristic"),
        (characteristic("x", attribute("many", "<True/>"), 1, "X"), "", "partialScore='many' is not a number"),
        (AGE, 'reasonCodeAlgorithm="worst"', "reasonCodeAlgorithm='worst' is none of"),
        (AGE, 'baselineMethod="guess"', "baselineMethod='guess' is none of"),
    ],
)
def test_broken_scorecards_are_refused(characteristics: str, attributes: str, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(scorecard(characteristics, attributes))
