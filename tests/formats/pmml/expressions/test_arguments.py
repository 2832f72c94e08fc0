"""What functions know of the fields that they are given, and parameters of defined functions."""

import pytest

from tests.formats.pmml.building import X, Y, apply, compute, document, schema, score

SIZE = (
    '<DataField name="size" optype="ordinal" dataType="string">'
    '<Value value="small"/><Value value="medium"/><Value value="large"/></DataField>'
)
WORD = '<DataField name="word" optype="categorical" dataType="string"/>'


def derived(field: str, extra: str, expression: str, **columns: list[object]) -> list[object]:
    """Compute a boolean of fields whose schema says more than that they are active."""
    model = (
        f'<RegressionModel functionName="regression">{schema(extra=extra)}'
        '<Output><OutputField name="z" optype="categorical" dataType="boolean" feature="transformedValue">'
        f'{expression}</OutputField></Output><RegressionTable intercept="0"/></RegressionModel>'
    )
    return score(document(model, field), **columns)["z"]


def test_a_value_that_was_let_in_may_still_be_invalid() -> None:
    lenient = '<MiningField name="size" invalidValueTreatment="asIs"/>'
    sizes: list[object] = ["small", "tiny", None]
    assert derived(SIZE, lenient, apply("isValid", "size"), size=sizes) == [True, False, False]
    assert derived(SIZE, lenient, apply("isNotValid", "size"), size=sizes) == [False, True, True]
    assert derived(SIZE, lenient, apply("isMissing", "size"), size=sizes) == [False, False, True]


def test_a_computed_value_is_valid_where_it_is_there() -> None:
    assert compute(apply("isValid", apply("ln", "x")), "boolean", x=[1.0, -1.0, None]) == [True, False, False]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("lessThan", [True, False, False, None]),
        ("lessOrEqual", [True, True, False, None]),
        ("greaterThan", [False, False, True, None]),
        ("greaterOrEqual", [False, True, True, None]),
    ],
)
def test_ordinal_texts_have_their_declared_order(function: str, expected: list[bool | None]) -> None:
    sizes = ["small", "medium", "large", None]
    assert compute(apply(function, "size", "'medium'"), "boolean", fields=SIZE, size=sizes) == expected


def test_a_text_outside_the_order_compares_with_none() -> None:
    assert compute(apply("lessThan", "size", "'huge'"), "boolean", fields=SIZE, size=["small"]) == [None]


def test_other_texts_compare_by_letters() -> None:
    words = ["a", "m", "z"]
    assert compute(apply("lessThan", "word", "'m'"), "boolean", fields=WORD, word=words) == [True, False, False]


def define(parameter: str, body: str, argument: str, fields: str, **columns: list[object]) -> list[object]:
    """Compute a defined function of one parameter."""
    model = (
        f'<RegressionModel functionName="regression">{schema(*columns)}'
        '<Output><OutputField name="z" optype="continuous" dataType="double" feature="transformedValue">'
        f'{apply("f", argument)}</OutputField></Output><RegressionTable intercept="0"/></RegressionModel>'
    )
    functions = (
        '<TransformationDictionary><DefineFunction name="f" optype="continuous">'
        f'<ParameterField name="p"{parameter}/>{body}</DefineFunction></TransformationDictionary>'
    )
    return score(document(model, fields, functions), **columns)["z"]


TABLE = (
    '<MapValues outputColumn="n" defaultValue="0"><FieldColumnPair field="p" column="w"/><InlineTable>'
    "<row><w>one</w><n>1</n></row><row><w>two</w><n>2</n></row></InlineTable></MapValues>"
)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("word", [1.0, 2.0, 0.0]), ("'two'", [2.0] * 3), (apply("lowercase", "word"), [1.0, 2.0, 1.0])],
)
def test_a_parameter_without_a_type_has_its_arguments(argument: str, expected: list[float]) -> None:
    assert define("", TABLE, argument, WORD, word=["one", "two", "ONE"]) == expected


def test_a_parameter_with_a_type_converts_its_argument() -> None:
    body = '<NormDiscrete field="p" value="3"/>'
    assert define(' dataType="integer" optype="categorical"', body, "x", X, x=[3.7, 4.0]) == [1.0, 0.0]


def test_a_text_where_a_number_is_wanted_is_read_as_one() -> None:
    body = (
        '<NormContinuous field="word"><LinearNorm orig="0" norm="0"/><LinearNorm orig="1" norm="10"/></NormContinuous>'
    )
    assert compute(body, fields=WORD, word=["0.5", "half", None]) == [5.0, None, None]


def test_powers_of_integers_may_have_a_fraction() -> None:
    whole = '<DataField name="n" optype="continuous" dataType="integer"/>'
    assert compute(apply("pow", "n", "-1"), fields=whole + Y, n=[2, 4]) == [0.5, 0.25]
