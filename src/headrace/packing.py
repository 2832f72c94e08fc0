"""Columns to a model's element types, and columns side by side to vectors, each row on its own.

1. A value that cannot be converted makes its row an error and null; its neighbours are converted.
2. Null stays null, also inside a vector: a model decides what a missing value means.
3. Text that is a number is a number; a fraction is no integer; nothing wraps round.
4. Numbers go to floating types by rounding, as everywhere in machine learning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

RowErrors = dict[int, str]
_PLAIN = {
    bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string(), bytes: pa.binary(),
}  # fmt: skip


_ELEMENTS = {
    str(kind): np.dtype(name)
    for kind, name in {
        pa.float16(): "f2", pa.float32(): "f4", pa.float64(): "f8", pa.bool_(): "?",
        pa.int8(): "i1", pa.int16(): "i2", pa.int32(): "i4", pa.int64(): "i8",
        pa.uint8(): "u1", pa.uint16(): "u2", pa.uint32(): "u4", pa.uint64(): "u8",
    }.items()
}  # fmt: skip


def find_dtype(kind: pa.DataType) -> np.dtype[Any]:
    """Give the NumPy type of an element of a vector, ``object`` for text; Arrow's own answer needs pandas."""
    return _ELEMENTS.get(str(kind), np.dtype(object))


def infer_column(values: Sequence[object]) -> pa.Array:
    """Make a column of plain values, of the type that Arrow finds for them.

    Without a type Arrow tries to import pandas each time, which takes far longer than the rest. Raises what Arrow
    raises for values that go into no column.
    """
    kind = _find_type(values)
    return pa.nulls(len(values)) if kind == pa.null() else pa.array(values, kind)


def _find_type(values: Iterable[object]) -> pa.DataType | None:
    """Find the type of plain values, None where Arrow has to look itself."""
    present = [value for value in values if value is not None]
    kinds = set(map(type, present))
    if not kinds:
        return pa.null()
    kind = kinds.pop()
    if kinds:
        return None
    if kind is list:
        element = _find_type(member for value in present for member in cast("list[object]", value))
        return None if element is None else pa.list_(element)
    return _PLAIN.get(kind)


def convert(array: pa.Array, kind: pa.DataType, name: str) -> tuple[pa.Array, RowErrors]:
    """Cast a column; returns it with null where a row failed, and those rows' errors. No copy where the type fits."""
    if array.type == kind:
        return array, {}
    if pa.types.is_floating(kind) and (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        return pc.cast(array, kind, safe=False), {}
    errors: RowErrors = {}
    pieces = _cast_pieces(array, kind, name, 0, errors)
    return (pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)), errors


def _cast_pieces(array: pa.Array, kind: pa.DataType, name: str, start: int, errors: RowErrors) -> list[pa.Array]:
    """Cast, halving what fails: a few bad rows cost a few casts, not one for every row."""
    try:
        return [pc.cast(array, kind, safe=True)]
    except pa.ArrowException:
        if len(array) == 1:
            errors[start] = f"field {name!r} holds {_show(array[0].as_py())}, which is not of type {kind}"
            return [pa.nulls(1, kind)]
    half = len(array) // 2
    return [
        *_cast_pieces(array[:half], kind, name, start, errors),
        *_cast_pieces(array[half:], kind, name, start + half, errors),
    ]


def pack(columns: pa.RecordBatch, element: pa.DataType) -> tuple[pa.Array, RowErrors]:
    """Lay columns side by side as one fixed-size list column of an element for each column."""
    width = columns.num_columns
    if pa.types.is_floating(element):
        numbers = _pack_numbers(columns, element)
        if numbers is not None:
            return pa.FixedSizeListArray.from_arrays(numbers, width), {}
    errors: RowErrors = {}
    parts = []
    for column, name in zip(columns.columns, columns.schema.names, strict=True):
        part, failed = convert(column, element, name)
        parts.append(part)
        errors = failed | errors
    by_row = np.arange(columns.num_rows * width, dtype=np.int64).reshape(width, -1).T.ravel()
    return pa.FixedSizeListArray.from_arrays(pc.take(pa.concat_arrays(parts), pa.array(by_row)), width), errors


def _pack_numbers(columns: pa.RecordBatch, element: pa.DataType) -> pa.Array | None:
    """Pack what needs no look at single rows, row by row; None where there are other values than numbers."""
    kind = find_dtype(element)
    try:
        together = np.asarray(columns.to_tensor(row_major=True))
        with np.errstate(over="ignore"):  # beyond the type's range is infinite, and the model sees to it
            return pa.array(together.astype(kind, copy=False).ravel(), type=element)
    except pa.ArrowException:  # a null, or a column that is not of numbers
        if not all(_is_number(column_type) for column_type in columns.schema.types):
            return None
    matrix = np.empty((columns.num_rows, columns.num_columns), dtype=kind)
    missing = np.zeros(matrix.shape, dtype=bool)
    for place, column in enumerate(columns.columns):
        with np.errstate(over="ignore"):
            matrix[:, place] = column.to_numpy(zero_copy_only=False)
        if column.null_count:
            missing[:, place] = column.is_null().to_numpy(zero_copy_only=False)
    return pa.array(matrix.ravel(), type=element, mask=missing.ravel())


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def pack_lists(array: pa.Array, name: str, element: pa.DataType, width: int) -> tuple[pa.Array, RowErrors]:
    """Make one fixed-size list column of ``width`` elements a row from a column of lists; null rows stay null."""
    if array.type == pa.list_(element, width):
        return array, {}
    lengths = pc.list_value_length(array).to_numpy(zero_copy_only=False)
    present = array.is_valid().to_numpy(zero_copy_only=False)
    fits = present & (lengths == width)
    errors: RowErrors = {
        int(row): f"field {name!r} holds {int(lengths[row])} values, the model wants {width}"
        for row in np.flatnonzero(present & ~fits)
    }
    values, failed = convert(array.filter(pa.array(fits)).flatten(), element, name)
    if len(values) == 0:
        return pa.nulls(len(array), pa.list_(element, width)), errors
    vectors = pa.FixedSizeListArray.from_arrays(values, width)
    if not fits.all():
        vectors = vectors.take(pa.array(np.cumsum(fits) - 1, mask=~fits))
    rows = np.flatnonzero(fits)
    for position, reason in failed.items():
        errors.setdefault(int(rows[position // width]), reason)
    return vectors, errors


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
