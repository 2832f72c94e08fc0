"""Aggregate: values of the many that a record holds."""

import json

import pyarrow as pa
import pytest

from headrace.abc.model import Shaping
from headrace.errors import ModelError
from tests.formats.pmml.building import X, Y, apply, compute, derive, load

SHOP = '<DataField name="shop" optype="categorical" dataType="string"/>'
ITEM = '<DataField name="item" optype="categorical" dataType="string"/>'
LISTS = [[1.0, 2.0, 6.0], [5.0, None], [], None]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("count", [3.0, 1.0, 0.0, None]),
        ("sum", [9.0, 5.0, None, None]),
        ("average", [3.0, 5.0, None, None]),
        ("min", [1.0, 5.0, None, None]),
        ("max", [6.0, 5.0, None, None]),
    ],
)
def test_numbers_of_a_list(function: str, expected: list[float | None]) -> None:
    expression = f'<Aggregate field="x" function="{function}"/>'
    assert compute(expression, x=LISTS) == expected
    assert compute(expression, x=[None if row is None else json.dumps(row) for row in LISTS]) == expected


def test_a_single_value_is_a_list_of_one() -> None:
    assert compute('<Aggregate field="x" function="sum"/>', x=[1.5, None]) == [1.5, None]


def test_what_is_no_value_of_the_field_makes_the_result_missing() -> None:
    assert compute('<Aggregate field="x" function="sum"/>', x=[["1", "many"], ["2", "3"]]) == [None, 5.0]


def test_a_multiset_is_a_json_array() -> None:
    expression = '<Aggregate field="item" function="multiset"/>'
    found = compute(expression, "string", fields=ITEM, item=[["tea", "milk", "tea"], [], None])
    assert found == ['["tea", "milk", "tea"]', "[]", None]


def test_one_record_is_scored_as_well() -> None:
    model = load(derive('<Aggregate field="x" function="sum"/>'))
    assert model.score_one({"x": [1.0, 2.0]}) == {"z": 3.0, "prediction": 0.0}


def test_the_group_field_shapes_the_rows_of_a_table() -> None:
    expression = '<Aggregate field="x" function="sum" groupField="shop"/>'
    assert load(derive(expression, fields=X + SHOP)).shaping == Shaping(group_by=("shop",))
    assert load(derive('<Aggregate field="x" function="sum"/>')).shaping == Shaping()


def test_the_signature_takes_a_list_as_text() -> None:
    model = load(derive('<Aggregate field="x" function="sum"/>'))
    assert [(field.name, field.type) for field in model.signature.inputs] == [("x", "string"), ("y", "double")]
    assert model.score(pa.RecordBatch.from_pydict({"x": ["[1, 2]"]})).outputs.to_pydict()["z"] == [3.0]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ('<Aggregate field="x" function="sum" sqlWhere="x > 1"/>', "sqlWhere"),
        ('<Aggregate field="x" function="mode"/>', "function='mode' is none of average, count"),
        ('<Aggregate field="shop" function="sum"/>', "has no sum"),
        ('<Aggregate field="x" function="sum" groupField="nowhere"/>', "there is no field 'nowhere'"),
        (
            apply("+", *(f'<Aggregate field="x" function="sum" groupField="{group}"/>' for group in ("shop", "y"))),
            "records are grouped by 'shop' elsewhere",
        ),
    ],
)
def test_a_broken_aggregate_is_refused(expression: str, problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        load(derive(expression, fields=X + Y + SHOP))
