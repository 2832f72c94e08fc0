import datetime as dt

import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import COLOUR, X, Y, apply, compute, derive, document, load, schema, score

DATE = '<DataField name="d" optype="continuous" dataType="date"/>'
MOMENT = '<DataField name="t" optype="continuous" dataType="dateTime"/>'


def test_constants_take_the_first_type_that_fits() -> None:
    assert ["3"] == compute("<Constant>3</Constant>", "string", x=[0.0])
    assert ["3.5"] == compute("<Constant>3.5</Constant>", "string", x=[0.0])
    assert ["a b"] == compute("<Constant>a b</Constant>", "string", x=[0.0])
    assert [None] == compute('<Constant missing="true"/>', "string", x=[0.0])


def test_a_reference_may_map_missing_values() -> None:
    assert [1.0, None] == compute('<FieldRef field="x"/>', x=[1.0, None])
    assert [1.0, -1.0] == compute('<FieldRef field="x" mapMissingTo="-1"/>', x=[1.0, None])


@pytest.mark.parametrize(
    ("outliers", "expected"),
    [
        ("asIs", [-0.5, 0.0, 0.25, 0.5, 0.75, 1.5, 9.0]),
        ("asMissingValues", [None, 0.0, 0.25, 0.5, 0.75, None, 9.0]),
        ("asExtremeValues", [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 9.0]),
    ],
)
def test_norm_continuous_follows_its_points(outliers: str, expected: list[float | None]) -> None:
    expression = (
        f'<NormContinuous field="x" outliers="{outliers}" mapMissingTo="9"><LinearNorm orig="0" norm="0"/>'
        '<LinearNorm orig="2" norm="0.5"/><LinearNorm orig="6" norm="1"/></NormContinuous>'
    )
    assert expected == compute(expression, x=[-2.0, 0.0, 1.0, 2.0, 4.0, 10.0, None])


def test_norm_discrete_is_one_for_its_value() -> None:
    expression = '<NormDiscrete field="colour" value="red"/>'
    assert [1.0, 0.0, None] == compute(expression, fields=COLOUR, colour=["red", "blue", None])
    mapped = '<NormDiscrete field="colour" value="red" mapMissingTo="0.5"/>'
    assert [0.5] == compute(mapped, fields=COLOUR, colour=[None])


def test_discretize_takes_the_first_bin_that_holds_the_value() -> None:
    expression = (
        '<Discretize field="x" defaultValue="far" mapMissingTo="none">'
        '<DiscretizeBin binValue="low"><Interval closure="openClosed" rightMargin="1"/></DiscretizeBin>'
        '<DiscretizeBin binValue="high"><Interval closure="closedOpen" leftMargin="1" rightMargin="5"/></DiscretizeBin>'
        "</Discretize>"
    )
    assert ["low", "low", "high", "far", "none"] == compute(expression, "string", x=[0.0, 1.0, 2.0, 5.0, None])


def test_map_values_looks_up_one_or_more_fields() -> None:
    table = (
        "<InlineTable><row><c>red</c><n>1</n><out>10</out></row><row><c>red</c><n>2</n><out>20</out></row>"
        "<row><c>blue</c><n>1</n><out>30</out></row></InlineTable></MapValues>"
    )
    one = f'<MapValues outputColumn="out" defaultValue="0"><FieldColumnPair field="colour" column="c"/>{table}'
    assert [10.0, 30.0, 0.0, None] == compute(one, fields=COLOUR, colour=["red", "blue", "green", None])
    two = (
        '<MapValues outputColumn="out" mapMissingTo="-1"><FieldColumnPair field="colour" column="c"/>'
        f'<FieldColumnPair field="x" column="n"/>{table}'
    )
    outputs = compute(two, fields=COLOUR + X, colour=["red", "blue", "red", None], x=[2.0, 2.0, 1.0, 1.0])
    assert [20.0, None, 10.0, -1.0] == outputs


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        ("+", ["x", "y"], 10.0),
        ("-", ["x", "y"], 6.0),
        ("*", ["x", "y"], 16.0),
        ("/", ["x", "y"], 4.0),
        ("min", ["x", "y", "5"], 2.0),
        ("max", ["x", "y", "5"], 8.0),
        ("sum", ["x", "y", "5"], 15.0),
        ("avg", ["x", "y", "5"], 5.0),
        ("median", ["x", "y", "5"], 5.0),
        ("product", ["x", "y", "5"], 80.0),
        ("log10", ["100"], 2.0),
        ("ln", ["1"], 0.0),
        ("sqrt", ["16"], 4.0),
        ("abs", ["-3"], 3.0),
        ("exp", ["0"], 1.0),
        ("pow", ["x", "y"], 64.0),
        ("threshold", ["x", "y"], 1.0),
        ("threshold", ["y", "x"], 0.0),
        ("floor", ["-1.5"], -2.0),
        ("ceil", ["1.2"], 2.0),
        ("round", ["2.5"], 3.0),
        ("round", ["-2.5"], -2.0),
        ("rint", ["2.5"], 2.0),
        ("modulo", ["11", "4"], 3.0),
        ("modulo", ["-11", "4"], 1.0),
        ("hypot", ["3", "4"], 5.0),
        ("expm1", ["0"], 0.0),
        ("ln1p", ["0"], 0.0),
        ("sin", ["0"], 0.0),
        ("cos", ["0"], 1.0),
        ("tanh", ["0"], 0.0),
        ("erf", ["0"], 0.0),
        ("stdNormalCDF", ["0"], 0.5),
        ("stdNormalIDF", ["0.5"], 0.0),
        ("normalCDF", ["3", "3", "2"], 0.5),
        ("normalIDF", ["0.5", "3", "2"], 3.0),
        ("if", [apply("greaterThan", "x", "y"), "1", "2"], 1.0),
    ],
)
def test_numeric_functions(function: str, arguments: list[str], expected: float) -> None:
    assert [expected] == compute(apply(function, *arguments), x=[8.0], y=[2.0])


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        ("equal", ["x", "1"], [True, False, None]),
        ("notEqual", ["x", "1"], [False, True, None]),
        ("lessThan", ["x", "2"], [True, False, None]),
        ("lessOrEqual", ["x", "2"], [True, True, None]),
        ("greaterThan", ["x", "1"], [False, True, None]),
        ("greaterOrEqual", ["x", "1"], [True, True, None]),
        ("isIn", ["x", "1", "7"], [True, False, None]),
        ("isNotIn", ["x", "1", "7"], [False, True, None]),
        ("isMissing", ["x"], [False, False, True]),
        ("isNotMissing", ["x"], [True, True, False]),
        ("not", [apply("equal", "x", "1")], [False, True, None]),
        ("and", [apply("equal", "x", "1"), apply("isMissing", "x")], [False, False, None]),
        ("or", [apply("equal", "x", "1"), apply("isMissing", "x")], [True, False, True]),
    ],
)
def test_comparisons_and_logic_know_unknown(function: str, arguments: list[str], expected: list[bool | None]) -> None:
    assert expected == compute(apply(function, *arguments), "boolean", x=[1.0, 2.0, None])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (apply("uppercase", "colour"), "RED"),
        (apply("lowercase", "'ABC'"), "abc"),
        (apply("trimBlanks", "'  a b '"), "a b"),
        (apply("substring", "colour", "2", "2"), "ed"),
        (apply("concat", "colour", "'-'", "2"), "red-2"),
        (apply("replace", "'aBBa'", "'B+'", "'c'"), "aca"),
        (apply("replace", "'John Doe'", r"'(\w+) (\w+)'", "'$2 $1'"), "Doe John"),
        (apply("formatNumber", "2", "'%3d'"), "  2"),
        (apply("if", apply("equal", "colour", "'red'"), "'r'", "'other'"), "r"),
    ],
)
def test_text_functions(expression: str, expected: str) -> None:
    assert [expected, None] == [
        *compute(expression, "string", fields=COLOUR, colour=["red"]),
        *compute(apply("uppercase", "colour"), "string", fields=COLOUR, colour=[None]),
    ]


def test_text_functions_that_give_numbers() -> None:
    assert [3, None] == compute(apply("stringLength", "colour"), "integer", fields=COLOUR, colour=["red", None])
    matched = compute(apply("matches", "colour", "'ar|re'"), "boolean", fields=COLOUR, colour=["red", "blue"])
    assert [True, False] == matched


def test_date_functions_count_from_the_first_of_january() -> None:
    day, moment = dt.date(1960, 2, 1), dt.datetime(1960, 1, 1, 0, 1, 1)  # noqa: DTZ001 - the standard's have no zone
    assert [31] == compute(apply("dateDaysSinceYear", "d", "1960"), "integer", fields=DATE, d=[day])
    assert [61] == compute(apply("dateSecondsSinceYear", "t", "1960"), "integer", fields=MOMENT, t=[moment])
    assert [61] == compute(apply("dateSecondsSinceMidnight", "t"), "integer", fields=MOMENT, t=[moment])
    assert ["02/01/60"] == compute(apply("formatDatetime", "d", "'%m/%d/%y'"), "string", fields=DATE, d=[day])


def test_a_missing_argument_makes_a_missing_result_unless_it_is_mapped() -> None:
    assert [None, 3.0] == compute(apply("+", "x", "1"), x=[None, 2.0])
    assert [7.0, 3.0] == compute(apply("+", "x", "1", attributes=' mapMissingTo="7"'), x=[None, 2.0])
    root = apply("sqrt", "x", attributes=' defaultValue="-1" mapMissingTo="-2"')
    assert [2.0, -1.0, -2.0] == compute(root, x=[4.0, -4.0, None])
    assert [2.0, None] == compute(apply("sum", "x", "y"), x=[None, None], y=[2.0, None])


def test_single_precision_stays_single() -> None:
    single = X.replace("double", "float") + Y.replace("double", "float")
    outputs = compute(apply("+", "x", "y"), "double", fields=single, x=[16777216.0], y=[1.0])
    assert [16777216.0] == outputs


def test_defined_functions_take_their_parameters() -> None:
    functions = (
        '<TransformationDictionary><DefineFunction name="double" optype="continuous" dataType="double">'
        '<ParameterField name="p" optype="continuous" dataType="double"/>'
        '<Apply function="*"><FieldRef field="p"/><Constant>2</Constant></Apply></DefineFunction>'
        f'<DerivedField name="z" optype="continuous" dataType="double">{apply("double", apply("double", "x"))}'
        "</DerivedField></TransformationDictionary>"
    )
    model = (
        f'<RegressionModel functionName="regression">{schema("x", target="y")}'
        '<RegressionTable intercept="1"><NumericPredictor name="z" coefficient="1"/></RegressionTable>'
        "</RegressionModel>"
    )
    assert [13.0] == score(document(model, transformations=functions), x=[3.0])["y"]


CONSTANT = f'<RegressionModel functionName="regression">{schema("x")}<RegressionTable intercept="1"/></RegressionModel>'


def chained(count: int) -> bytes:
    fields = "".join(
        f'<DerivedField name="d{place}" optype="continuous" dataType="double">'
        f'<FieldRef field="{f"d{place - 1}" if place else "x"}"/></DerivedField>'
        for place in range(count)
    )
    model = (
        f'<RegressionModel functionName="regression">{schema("x")}<RegressionTable intercept="1"/></RegressionModel>'
    )
    return document(model, transformations=f"<TransformationDictionary>{fields}</TransformationDictionary>")


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (apply("+", "x"), r"Apply, line 1: \+ takes 2 arguments, not 1"),
        (apply("frobnicate", "x"), "there is no function 'frobnicate'"),
        ('<FieldRef field="nowhere"/>', "FieldRef, line 1: there is no field 'nowhere'"),
        ('<FieldRef field="derived"/>', "derived fields form a cycle: derived -> derived"),
        ('<NormContinuous field="x"><LinearNorm orig="1" norm="1"/></NormContinuous>', "two or more LinearNorm"),
        ('<MapValues outputColumn="o"><FieldColumnPair field="x" column="c"/></MapValues>', "it holds no InlineTable"),
        ("", "it holds 0 expressions"),
    ],
)
def test_broken_expressions_are_refused_with_their_line(expression: str, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(derive(expression))


def test_a_long_chain_of_derived_fields_is_refused_and_a_short_one_scored() -> None:
    assert [1.0] == score(chained(90), x=[1.0])["prediction"]
    with pytest.raises(ModelFormatError, match="build on one another"):
        load(chained(2000))


def test_functions_that_apply_themselves_or_multiply_without_end_are_refused() -> None:
    def define(name: str, body: str) -> str:
        return f'<DefineFunction name="{name}" optype="continuous"><ParameterField name="p"/>{body}</DefineFunction>'

    field = '<DerivedField name="z" optype="continuous" dataType="double">{}</DerivedField>'
    recursive = define("f", apply("f", "p")) + field.format(apply("f", "x"))
    doubling = "".join(define(f"f{n}", apply("+", apply(f"f{n + 1}", "p"), apply(f"f{n + 1}", "p"))) for n in range(40))
    doubling += define("f40", '<FieldRef field="p"/>') + field.format(apply("f0", "x"))
    for functions, problem in [(recursive, "applies itself"), (doubling, "more than")]:
        dictionary = f"<TransformationDictionary>{functions}</TransformationDictionary>"
        with pytest.raises(ModelFormatError, match=problem):
            load(document(CONSTANT, transformations=dictionary))
