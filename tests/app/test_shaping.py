import pyarrow as pa
import pytest

from headrace.abc.model import Shaping
from headrace.app.shaping import MAX_STEPS, shape_table
from headrace.errors import SourceError


def batch(**columns: list[str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: pa.array(values, pa.string()) for name, values in columns.items()})


def shape(shaping: Shaping, columns: dict[str, str], *batches: pa.RecordBatch) -> dict[str, list[object]]:
    shaped = list(shape_table(batches, shaping, columns))
    table: dict[str, list[object]] = pa.Table.from_batches(shaped).to_pydict() if shaped else {}
    return table


def test_rows_of_a_group_become_one_in_the_order_of_first_rows() -> None:
    first = batch(id=["b", "a", "b"], item=["1", "2", "3"])
    second = batch(id=["a", "c"], item=["4", None])
    shaped = shape(Shaping(group_by=("key",)), {"key": "id", "thing": "item"}, first, second)
    assert {"id": ["b", "a", "c"], "item": [["1", "3"], ["2", "4"], [None]]} == shaped


def test_a_group_is_told_by_all_of_its_columns_and_missing_ones_are_equal() -> None:
    rows = batch(id=["a", "a", None, None], day=["1", "2", "1", "1"], item=["w", "x", "y", "z"])
    shaped = shape(Shaping(group_by=("id", "day")), {"id": "id", "day": "day"}, rows)
    assert [["w"], ["x"], ["y", "z"]] == shaped["item"]


def test_without_its_column_nothing_is_grouped() -> None:
    rows = batch(item=["1", "2"])
    assert {"item": ["1", "2"]} == shape(Shaping(group_by=("id",)), {"item": "item"}, rows)


def test_no_rows_are_no_records() -> None:
    assert {} == shape(Shaping(group_by=("id",)), {"id": "id"})


def test_a_row_is_repeated_for_each_step() -> None:
    rows = batch(h=["3", "1", "x", None, "0", "2.0"], site=["a", "b", "c", "d", "e", "f"])
    shaped = shape(Shaping(count_up="horizon"), {"horizon": "h"}, rows)
    assert ["1", "2", "3", "1", "x", None, "0", "1", "2"] == shaped["h"]
    assert ["a", "a", "a", "b", "c", "d", "e", "f", "f"] == shaped["site"]


def test_too_many_steps_are_refused() -> None:
    with pytest.raises(SourceError, match="100,001 steps"):
        shape(Shaping(count_up="h"), {"h": "h"}, batch(h=[str(MAX_STEPS + 1)]))


def test_other_tables_pass_through() -> None:
    rows = batch(x=["1"])
    assert [rows] == list(shape_table([rows], Shaping(), {"x": "x"}))
