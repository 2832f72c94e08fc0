from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.transports.objects import Table, build_values

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.just(UTC))
    | st.just(object())
)
ROWS = st.lists(st.dictionaries(st.text(max_size=2), SCALARS | st.lists(SCALARS, max_size=3), max_size=3) | SCALARS)


def build(table: Table, *items: Any) -> tuple[list[dict[str, Any]], list[bytes | None]]:
    rows, unfit = table.build(items)
    return rows.to_pylist(), [None] * len(items) if unfit is None else unfit.to_pylist()


def test_a_value_that_does_not_fit_takes_only_its_row() -> None:
    rows, unfit = build(Table(), {"a": 1, "b": "x"}, {"a": "one", "b": "y"}, {"a": 3, "b": "z"})
    assert [{"a": 1, "b": "x"}, {"a": None, "b": None}, {"a": 3, "b": "z"}] == rows
    assert [None, b'{"a":"one","b":"y"}', None] == unfit


def test_whole_numbers_and_others_are_one_column() -> None:
    table = Table()
    assert pa.int64() == table.build([{"a": 1}])[0].schema.field("a").type
    assert ([{"a": 2.5}, {"a": 2.0**70}], [None, None]) == build(table, {"a": 2.5}, {"a": 2**70})
    assert pa.float64() == table.build([{"a": 1}])[0].schema.field("a").type


def test_a_type_settles_on_what_most_values_are() -> None:
    table = Table()
    assert [None] == build(table, {"a": "NA"})[1]
    assert [b'{"a":1.5}'] == build(table, {"a": 1.5})[1]
    assert [None, None] == build(table, {"a": 2.5}, {"a": 3.5})[1]
    assert [b'{"a":"NA"}'] == build(table, {"a": "NA"})[1]


def test_a_column_of_nulls_takes_the_first_type_that_comes() -> None:
    table = Table()
    assert pa.null() == table.build([{"a": None}])[0].schema.field("a").type
    assert ([{"a": "x"}], [None]) == build(table, {"a": "x"})


def test_columns_keep_their_order() -> None:
    table = Table()
    build(table, {"b": 1}, {"a": 2})
    assert ["b", "a", "c"] == table.build([{"c": 1, "a": 2}])[0].schema.names


def test_declared_columns_are_the_columns() -> None:
    schema = pa.schema([pa.field("a", pa.float32(), metadata={b"unit": b"g"}), ("b", pa.string())])
    table = Table(schema)
    rows, unfit = table.build([{"a": 1, "other": object()}, {"a": "x"}, {"b": "y"}])
    assert schema.equals(rows.schema, check_metadata=True)
    assert [{"a": 1.0, "b": None}, {"a": None, "b": None}, {"a": None, "b": "y"}] == rows.to_pylist()
    assert unfit is not None
    assert [None, b'{"a":"x"}', None] == unfit.to_pylist()


@pytest.mark.parametrize(
    ("item", "text"),
    [(7, b"7"), (None, b"null"), ([1], b"[1]"), ({1: 2}, b'{"1":2}'), (float("nan"), b"null")],
)
def test_what_is_no_row_is_handed_over_as_json(item: Any, text: bytes) -> None:
    assert ([{"a": None}, {"a": 1}], [text, None]) == build(Table(), item, {"a": 1})


def test_a_row_without_names_still_counts() -> None:
    rows, unfit = Table().build([{}, {}])
    assert (2, None) == (rows.num_rows, unfit)


def test_nested_values_are_structs_and_lists() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    row = {"a": {"b": 1}, "c": [1.5, None], "d": moment}
    assert ([row], [None]) == build(Table(), row)


def test_values_that_are_no_bytes_are_json() -> None:
    assert [b"a", "é".encode(), None, b"[1]"] == build_values([b"a", "é", None, [1]]).to_pylist()
    assert pa.binary() == build_values([]).type


@given(batches=st.lists(ROWS, max_size=4))
def test_no_object_breaks_a_batch(batches: list[list[Any]]) -> None:
    table = Table()
    for items in batches:
        rows, unfit = table.build(items)
        rows.validate(full=True)
        assert len(items) == rows.num_rows
        failed = [False] * len(items) if unfit is None else unfit.is_valid().to_pylist()
        for item, row, fails in zip(items, rows.to_pylist(), failed, strict=True):
            assert isinstance(item, dict) or fails
            present = {name for name, value in row.items() if value is not None}
            named = {name for name, value in item.items() if value is not None} if isinstance(item, dict) else set()
            assert (set() if fails else named) == present
