import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import COLOUR, X, document, load, schema, score

SIZES = (
    '<DataField name="size" optype="ordinal" dataType="string"><Value value="s"/><Value value="m"/><Value value="l"/>'
    "</DataField>"
)


def when(predicate: str, fields: str = X + COLOUR) -> bytes:
    """A tree of one question: 1 true, 0 false, missing unknown."""
    names = [part.split('"')[0] for part in fields.split('<DataField name="')[1:]]
    return document(
        f'<TreeModel functionName="regression" missingValueStrategy="nullPrediction">{schema(*names)}'
        f'<Node><True/><Node score="1">{predicate}</Node><Node score="0"><True/></Node></Node></TreeModel>',
        fields,
    )


def simple(field: str, operator: str, value: str = "") -> str:
    given = f' value="{value}"' if value else ""
    return f'<SimplePredicate field="{field}" operator="{operator}"{given}/>'


def members(field: str, operator: str, values: str, type: str = "string") -> str:
    return (
        f'<SimpleSetPredicate field="{field}" booleanOperator="{operator}"><Array type="{type}">{values}</Array>'
        "</SimpleSetPredicate>"
    )


def compound(operator: str, *parts: str) -> str:
    return f'<CompoundPredicate booleanOperator="{operator}">{"".join(parts)}</CompoundPredicate>'


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("equal", [0, 1, 0, None]),
        ("notEqual", [1, 0, 1, None]),
        ("lessThan", [1, 0, 0, None]),
        ("lessOrEqual", [1, 1, 0, None]),
        ("greaterThan", [0, 0, 1, None]),
        ("greaterOrEqual", [0, 1, 1, None]),
    ],
)
def test_numbers_compare(operator: str, expected: list[float | None]) -> None:
    assert expected == score(when(simple("x", operator, "2")), x=[1.0, 2.0, 3.0, None])["prediction"]


def test_missing_is_asked_for() -> None:
    assert [0, 1] == score(when(simple("x", "isMissing")), x=[1.0, None])["prediction"]
    assert [1, 0] == score(when(simple("colour", "isNotMissing")), colour=["red", None])["prediction"]


def test_texts_and_sets_compare() -> None:
    colours = ["red", "green", None]
    assert [1, 0, None] == score(when(simple("colour", "equal", "red")), colour=colours)["prediction"]
    assert [1, 0, None] == score(when(members("colour", "isIn", "red blue")), colour=colours)["prediction"]
    assert [0, 1, None] == score(when(members("colour", "isNotIn", "red blue")), colour=colours)["prediction"]
    assert [1, 0] == score(when(members("x", "isIn", "1 3", "int")), x=[3.0, 2.0])["prediction"]


def test_ordinal_texts_compare_in_the_order_of_their_values() -> None:
    outputs = score(when(simple("size", "lessThan", "l"), SIZES), size=["s", "m", "l"])["prediction"]
    assert [1, 1, 0] == outputs


HIGH, RED = simple("x", "greaterThan", "2"), simple("colour", "equal", "red")


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        # x above 2, colour red: both, one, neither; unknown with true, unknown with false
        ("and", [1, 0, 0, None, 0]),
        ("or", [1, 1, 0, 1, None]),
        ("xor", [0, 1, 0, None, None]),
        ("surrogate", [1, 1, 0, 1, 0]),
    ],
)
def test_compounds_know_unknown(operator: str, expected: list[float | None]) -> None:
    outputs = score(
        when(compound(operator, HIGH, RED)),
        x=[3.0, 3.0, 1.0, None, None],
        colour=["red", "blue", "blue", "red", "blue"],
    )
    assert expected == outputs["prediction"]


def test_compounds_nest() -> None:
    nested = compound("or", compound("and", HIGH, RED), "<False/>")
    assert [1, 0] == score(when(nested), x=[3.0, 1.0], colour=["red", "red"])["prediction"]


@pytest.mark.parametrize(
    ("predicate", "problem"),
    [
        (simple("x", "like", "1"), "operator='like' is none of"),
        (simple("x", "equal"), "the operator 'equal' needs a value"),
        (simple("x", "equal", "abc"), "'abc' is not a value of the double field 'x'"),
        (simple("z", "equal", "1"), "there is no field 'z'"),
        (compound("nor", HIGH, RED), "booleanOperator='nor' is none of"),
        (compound("xor", HIGH), "xor over 1 predicates"),
    ],
)
def test_broken_predicates_are_refused_with_their_line(predicate: str, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=f"line 1: .*{problem}"):
        load(when(predicate))
