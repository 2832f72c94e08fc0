import datetime as dt

import pyarrow as pa
import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import COLOUR, X, document, load, score


def echo(mining_field: str, data_field: str = X, type: str = "double") -> bytes:
    """A model that puts out the field x as the schema leaves it."""
    return document(
        '<RegressionModel functionName="regression">'
        f'<MiningSchema><MiningField name="x" {mining_field}/></MiningSchema>'
        f'<Output><OutputField name="z" dataType="{type}" feature="transformedValue">'
        '<FieldRef field="x"/></OutputField></Output><RegressionTable intercept="0"/></RegressionModel>',
        data_field,
    )


TEXT = '<DataField name="x" optype="categorical" dataType="string">{}</DataField>'
RANGE = (
    '<DataField name="x" optype="continuous" dataType="double"><Interval closure="closedOpen" leftMargin="0" '
    'rightMargin="10"/><Value value="-1" property="missing"/></DataField>'
)
WORDS = (
    '<DataField name="x" optype="categorical" dataType="string"><Value value="a"/><Value value="b"/>'
    '<Value value="?" property="missing"/></DataField>'
)


def test_values_that_the_dictionary_calls_missing_are() -> None:
    assert [1.0, None, None] == score(echo(""), x=[1.0, None, float("nan")])["z"]
    assert [1.0, None] == score(echo("", RANGE), x=[1.0, -1.0])["z"]
    assert ["a", None] == score(echo("", WORDS, "string"), x=["a", "?"])["z"]


@pytest.mark.parametrize(
    ("closure", "valid"),
    [("openOpen", [2]), ("openClosed", [2, 3]), ("closedOpen", [1, 2]), ("closedClosed", [1, 2, 3])],
)
def test_an_interval_s_ends_belong_to_it_as_its_closure_says(closure: str, valid: list[int]) -> None:
    field = (
        '<DataField name="x" optype="continuous" dataType="integer">'
        f'<Interval closure="{closure}" leftMargin="1" rightMargin="3"/></DataField>'
    )
    outputs = score(echo('invalidValueTreatment="asMissing"', field, "integer"), x=[1, 2, 3])["z"]
    assert valid == [value for value in outputs if value is not None]


def test_an_invalid_value_fails_its_row_alone() -> None:
    scores = load(echo("", RANGE)).score(pa.RecordBatch.from_pydict({"x": [1.0, 10.0, 3.0]}))
    assert [1.0, None, 3.0] == scores.outputs.column("z").to_pylist()
    assert {1: "field 'x': the value 10.0 is not valid for this double field of the model"} == scores.errors


def test_invalid_values_are_treated_as_the_schema_says() -> None:
    assert [10.0] == score(echo('invalidValueTreatment="asIs"', RANGE), x=[10.0])["z"]
    assert [None] == score(echo('invalidValueTreatment="asMissing"', RANGE), x=[10.0])["z"]
    replaced = echo('invalidValueTreatment="asMissing" missingValueReplacement="5"', RANGE)
    assert [5.0, 5.0] == score(replaced, x=[10.0, None])["z"]
    given = echo('invalidValueTreatment="asValue" invalidValueReplacement="7"', RANGE)
    assert [7.0, None] == score(given, x=[10.0, None])["z"]
    assert ["c"] == score(echo('invalidValueTreatment="asIs"', WORDS, "string"), x=["c"])["z"]


def test_outliers_are_treated_as_the_schema_says() -> None:
    limits = 'lowValue="0" highValue="10"'
    assert [0.0, 5.0, 10.0] == score(echo(f'outliers="asExtremeValues" {limits}'), x=[-1.0, 5.0, 11.0])["z"]
    assert [None, 5.0, None] == score(echo(f'outliers="asMissingValues" {limits}'), x=[-1.0, 5.0, 11.0])["z"]
    both = echo(f'outliers="asMissingValues" {limits} missingValueReplacement="3"')
    assert [3.0, 5.0] == score(both, x=[-1.0, 5.0])["z"]


def test_a_missing_value_may_be_refused() -> None:
    scores = load(echo('missingValueTreatment="returnInvalid"')).score(pa.RecordBatch.from_pydict({"x": [1.0, None]}))
    assert [1] == list(scores.errors)


def test_a_field_that_is_absent_is_missing() -> None:
    assert [4.0] == score(echo('missingValueReplacement="4"'), other=[1])["z"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, 2]), [1.0, 2.0]),
        (pa.array(["1", "2.5"]), [1.0, 2.5]),
        (pa.array(["1", " "]), [1.0, None]),
        (pa.array([True, False]), [1.0, 0.0]),
        (pa.array([1.5, None], pa.float32()), [1.5, None]),
        (pa.array(["1", None]).dictionary_encode(), [1.0, None]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_numbers_come_in_any_arrow_type(values: pa.Array, expected: list[float | None]) -> None:
    scores = load(echo("")).score(pa.RecordBatch.from_arrays([values], names=["x"]))
    assert expected == scores.outputs.column("z").to_pylist()


def test_what_cannot_be_read_is_invalid() -> None:
    scores = load(echo("")).score(pa.RecordBatch.from_pydict({"x": ["1", "abc"]}))
    assert ({1: "field 'x': the value 'abc' is not valid for this double field of the model"}) == scores.errors
    assert [None] == score(echo('invalidValueTreatment="asMissing"'), x=["abc"])["z"]


def test_texts_and_dates_come_in_any_arrow_type() -> None:
    numbers = (
        '<DataField name="x" optype="categorical" dataType="string"><Value value="1"/><Value value="2"/></DataField>'
    )
    assert ["1", "2", None] == score(echo("", numbers, "string"), x=[1, 2, None])["z"]
    assert ["1", "2"] == score(echo("", numbers, "string"), x=[1.0, 2.0])["z"]
    flags = TEXT.format('<Value value="TRUE"/><Value value="FALSE"/>')
    assert ["TRUE", "FALSE"] == score(echo("", flags, "string"), x=[True, False])["z"]
    date = '<DataField name="x" optype="continuous" dataType="date"/>'
    day = dt.date(2024, 2, 29)
    assert [day, None] == score(echo("", date, "date"), x=[day, None])["z"]
    assert [day] == score(echo("", date, "date"), x=["2024-02-29"])["z"]
    days = '<DataField name="x" optype="continuous" dataType="dateDaysSince[1960]"/>'
    assert [3653] == score(echo("", days, "integer"), x=[dt.date(1970, 1, 1)])["z"]


def test_a_float_field_holds_single_precision() -> None:
    single = '<DataField name="x" optype="continuous" dataType="float"/>'
    assert [0.10000000149011612] == score(echo("", single), x=[0.1])["z"]


def test_the_signature_lists_inputs_and_what_is_required() -> None:
    inputs = load(echo('missingValueReplacement="4"')).signature.inputs
    assert [("x", "double", False)] == [(entry.name, entry.type, entry.required) for entry in inputs]
    assert [True] == [entry.required for entry in load(echo("")).signature.inputs]


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ('usageType="used"', "usageType='used' is none of"),
        ('outliers="asExtremeValues"', "needs lowValue or highValue"),
        ('invalidValueTreatment="asValue"', "needs invalidValueReplacement"),
        ('missingValueReplacement="abc"', "the replacement 'abc' is not a double"),
    ],
)
def test_a_broken_schema_is_refused_with_its_line(field: str, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=f"MiningField, line 1: .*{problem}"):
        load(echo(field))


def test_a_field_declared_twice_is_refused() -> None:
    with pytest.raises(ModelFormatError, match="declared twice"):
        load(echo("", COLOUR + X + X))
