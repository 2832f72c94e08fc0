import datetime as dt
import math
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.packing import convert, infer_column, pack, pack_lists

DOUBLES = pa.float64()


def test_a_column_of_the_type_is_not_copied() -> None:
    column = pa.array([1.0, 2.0])
    converted, errors = convert(column, DOUBLES, "a")
    assert converted is column
    assert errors == {}


def test_numbers_are_rounded_to_floating_types() -> None:
    converted, errors = convert(pa.array([2**53 + 1]), DOUBLES, "a")
    assert converted.to_pylist() == [float(2**53)]
    assert errors == {}


def test_text_that_is_a_number_is_one_and_other_text_fails_its_row_alone() -> None:
    converted, errors = convert(pa.array(["7.4", "seven", None, "0"]), DOUBLES, "acid")
    assert converted.to_pylist() == [7.4, None, None, 0.0]
    assert errors == {1: "field 'acid' holds 'seven', which is not of type double"}


def test_a_fraction_is_no_integer_and_nothing_wraps_round() -> None:
    converted, errors = convert(pa.array([1.0, 1.5, 300.0]), pa.int8(), "n")
    assert converted.to_pylist() == [1, None, None]
    assert list(errors) == [1, 2]


def test_long_values_are_cut_in_messages() -> None:
    _, errors = convert(pa.array(["x" * 1000]), DOUBLES, "n")
    assert len(errors[0]) < 120


@given(st.lists(st.sampled_from(["1", "2.5", "no", "", None]), max_size=40))
def test_exactly_the_rows_that_cannot_be_converted_fail(texts: list[str | None]) -> None:
    converted, errors = convert(pa.array(texts, pa.string()), DOUBLES, "a")
    assert [row for row, text in enumerate(texts) if text in {"no", ""}] == sorted(errors)
    assert [float(text) if text in {"1", "2.5"} else None for text in texts] == converted.to_pylist()


def test_pack_lays_columns_side_by_side() -> None:
    vectors, errors = pack(pa.record_batch({"a": [1, 2], "b": [3.5, 4.5]}), pa.float32())
    assert vectors.type == pa.list_(pa.float32(), 2)
    assert vectors.to_pylist() == [[1.0, 3.5], [2.0, 4.5]]
    assert errors == {}


def test_pack_keeps_null_apart_from_nan() -> None:
    vectors, _ = pack(pa.record_batch({"a": [None, 2], "b": [math.nan, None]}), DOUBLES)
    first, second = vectors.to_pylist()
    assert first[0] is None
    assert math.isnan(first[1])
    assert second == [2.0, None]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64(), pa.float16()])
def test_pack_slices_of_one_type(kind: pa.DataType) -> None:
    batch = pa.record_batch({name: pa.array([0.0, 1.0, 2.0], kind) for name in "abc"})
    assert pack(batch[1:], pa.float32())[0].to_pylist() == [[1.0] * 3, [2.0] * 3]
    assert pack(batch[:0], pa.float32())[0].to_pylist() == []


@pytest.mark.parametrize("other", [1.0, None])
def test_pack_beyond_the_range_is_infinite(other: float | None) -> None:
    vectors, errors = pack(pa.record_batch({"a": [1e300, other]}), pa.float32())
    assert vectors.to_pylist() == [[math.inf], [other]]
    assert errors == {}


def test_pack_takes_slices_and_text() -> None:
    vectors, errors = pack(pa.record_batch({"a": [0, 1, 2], "b": ["0", "x", "3"]})[1:], DOUBLES)
    assert vectors.to_pylist() == [[1.0, None], [2.0, 3.0]]
    assert list(errors) == [0]


@pytest.mark.parametrize(("element", "values"), [(pa.string(), ["x", None, "y"]), (pa.int64(), [1, 2, None])])
def test_pack_other_elements(element: pa.DataType, values: list[object]) -> None:
    columns = pa.record_batch({"a": pa.array(values, element), "b": pa.array(values[::-1], element)})
    vectors, errors = pack(columns, element)
    assert vectors.to_pylist() == [list(pair) for pair in zip(values, values[::-1], strict=True)]
    assert errors == {}


def test_pack_lists_fails_the_rows_of_another_length() -> None:
    lists = pa.array([[1, 2], None, [3], [4, 5]])
    vectors, errors = pack_lists(lists, "v", DOUBLES, 2)
    assert vectors.to_pylist() == [[1.0, 2.0], None, None, [4.0, 5.0]]
    assert errors == {2: "field 'v' holds 1 values, the model wants 2"}


def test_pack_lists_names_the_row_of_a_bad_element() -> None:
    vectors, errors = pack_lists(pa.array([None, ["1", "2"], ["3", "x"]]), "v", DOUBLES, 2)
    assert vectors.to_pylist() == [None, [1.0, 2.0], [3.0, None]]
    assert list(errors) == [2]


def test_pack_lists_of_the_type_are_not_copied() -> None:
    lists = pa.array([[1.0, 2.0]], pa.list_(DOUBLES, 2))
    assert pack_lists(lists, "v", DOUBLES, 2)[0] is lists


def test_pack_lists_without_one_good_row() -> None:
    vectors, errors = pack_lists(pa.array([[1], None]), "v", DOUBLES, 2)
    assert vectors.to_pylist() == [None, None]
    assert list(errors) == [0]


@pytest.mark.parametrize(
    "values",
    [
        [], [None], [1.0, None], [1, 2], [-(2**63), None], [True, None], ["a", None], [b"a"], [1, 2.5],
        [[1.0, None], None], [["a"]], [[None]], [[]], [[[1]]], [dt.date(2026, 1, 2)],
    ],
)  # fmt: skip
def test_a_column_of_plain_values_is_of_the_type_that_arrow_finds(values: list[object]) -> None:
    assert pa.array(values).equals(infer_column(values))
    assert pa.array(values).type == infer_column(values).type


@pytest.mark.parametrize("values", [[1, "a"], [2**64]])
def test_values_that_go_into_no_column_are_refused_as_by_arrow(values: list[object]) -> None:
    with pytest.raises((pa.ArrowInvalid, OverflowError)):
        infer_column(values)


def test_plain_values_look_for_pandas_once_at_most(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("print('looked for')\nraise ImportError")
    code = (
        "from headrace.packing import infer_column\n"
        "for each in 3 * ([1.0, None], [['a']], [None], [True], [1]): infer_column(each)"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout in {"", "looked for\n"}
