"""Lag: earlier records of a batch."""

import pyarrow as pa
import pytest

from headrace.errors import ModelFormatError
from tests.formats.pmml.building import X, Y, compute, derive, document, load, schema

SHOP = '<DataField name="shop" optype="categorical" dataType="string"/>'


def test_the_value_before() -> None:
    assert compute('<Lag field="x"/>', x=[1.0, 2.0, None, 4.0]) == [None, 1.0, 2.0, None]
    assert compute('<Lag field="x" n="3"/>', x=[1.0, 2.0, None, 4.0]) == [None, None, None, 1.0]


def test_texts_lag_too() -> None:
    assert compute('<Lag field="shop"/>', "string", fields=SHOP, shop=["a", "b", "c"]) == [None, "a", "b"]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("avg", [None, 1.0, 2.5, 5.0]),
        ("max", [None, 1.0, 4.0, 6.0]),
        ("median", [None, 1.0, 2.5, 5.0]),
        ("min", [None, 1.0, 1.0, 4.0]),
        ("product", [None, 1.0, 4.0, 24.0]),
        ("sum", [None, 1.0, 5.0, 10.0]),
        ("stddev", [None, None, 4.5**0.5, 2.0**0.5]),
    ],
)
def test_aggregates_are_of_the_values_before_that_there_are(function: str, expected: list[float | None]) -> None:
    found = compute(f'<Lag field="x" n="2" aggregate="{function}"/>', x=[1.0, 4.0, 6.0, 100.0])
    assert found == pytest.approx(expected)


def test_a_missing_value_is_left_out_of_an_aggregate() -> None:
    assert compute('<Lag field="x" n="2" aggregate="sum"/>', x=[1.0, None, None, 3.0]) == [None, 1.0, 1.0, None]


def test_records_of_a_block_follow_one_another() -> None:
    lag = '<Lag field="x"{}><BlockIndicator field="shop"/></Lag>'
    x, shop = [1.0, 10.0, 2.0, 20.0, 3.0], ["a", "b", "a", "b", "a"]
    assert compute(lag.format(""), fields=X + SHOP, x=x, shop=shop) == [None, None, 1.0, 10.0, 2.0]
    summed = lag.format(' n="2" aggregate="sum"')
    assert compute(summed, fields=X + SHOP, x=x, shop=shop) == [None, None, 1.0, 10.0, 3.0]


def test_a_segments_records_lag_behind_all_records() -> None:
    inner = (
        f'<RegressionModel functionName="regression">{schema("x", "y")}<LocalTransformations>'
        '<DerivedField name="before" optype="continuous" dataType="double"><Lag field="x"/></DerivedField>'
        '</LocalTransformations><RegressionTable intercept="0"><NumericPredictor name="before" coefficient="1"/>'
        "</RegressionTable></RegressionModel>"
    )
    segment = f'<Segment><SimplePredicate field="y" operator="equal" value="1"/>{inner}</Segment>'
    model = document(
        f'<MiningModel functionName="regression">{schema("x", "y")}<Segmentation multipleModelMethod="selectFirst">'
        f"{segment}</Segmentation></MiningModel>"
    )
    batch = pa.RecordBatch.from_pydict({"x": [5.0, 6.0, 7.0], "y": [0.0, 0.0, 1.0]})
    assert load(model).score(batch).outputs.to_pydict() == {"prediction": [None, None, 6.0]}


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ('<Lag field="x" n="0"/>', "n=0 is not between 1 and 100,000"),
        ('<Lag field="x" n="5000" aggregate="avg"/>', "n=5000 is not between 1 and 1,000"),
        ('<Lag field="x" aggregate="mode"/>', "aggregate='mode' is none of"),
        ('<Lag field="shop" aggregate="sum"/>', "cannot be aggregated"),
        ('<Lag field="x"><BlockIndicator field="nowhere"/></Lag>', "there is no field 'nowhere'"),
    ],
)
def test_a_broken_lag_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(ModelFormatError, match=problem):
        load(derive(expression, fields=X + Y + SHOP))
