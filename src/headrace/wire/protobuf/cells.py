"""The cells that the compiled walk leaves, as Arrow columns: numbers as they are, texts gathered, enums named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from headrace.wire.protobuf import kernel
from headrace.wire.protobuf.schema import Leaf

LENGTH = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)

Bytes = npt.NDArray[np.uint8]
Cells = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]
# Of the bytes, the column's cells, which of them are there (None: all) and which messages are marked. May mark more.
Make = Callable[[Bytes, Cells, Flags | None, Flags], pa.Array]


def make_column(leaf: Leaf) -> Make:
    """Find how the cells of a field become its column."""
    kind, field = leaf.type, leaf.field
    if field.enum_type is not None:
        return _name_numbers(field.enum_type)
    if field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}:
        return _gather_texts(kind)
    if pa.types.is_boolean(kind):
        return lambda _data, cells, there, _marked: _build(
            kind, there, np.packbits(cells != 0, bitorder="little"), cells
        )
    if kind.bit_width == 32:
        return lambda _data, cells, there, _marked: _build(kind, there, cells.astype(np.uint32), cells)
    return lambda _data, cells, there, _marked: _build(kind, there, cells, cells)


def _build(kind: pa.DataType, there: Flags | None, values: npt.NDArray[np.generic], cells: Cells) -> pa.Array:
    return pa.Array.from_buffers(kind, len(cells), [_find_validity(there), pa.py_buffer(values)])


def _find_validity(there: Flags | None) -> pa.Buffer | None:
    if there is None or there.all():
        return None
    return pa.py_buffer(np.packbits(there, bitorder="little"))


def _gather_texts(kind: pa.DataType) -> Make:
    def make(data: Bytes, cells: Cells, there: Flags | None, marked: Flags) -> pa.Array:
        offsets = np.empty(len(cells) + 1, np.int32)
        gathered = np.empty(kernel.measure(cells, marked.view(np.uint8), offsets), np.uint8)
        kernel.gather(data, cells, offsets, gathered)
        buffers = [_find_validity(there), pa.py_buffer(offsets), pa.py_buffer(gathered)]
        return pa.Array.from_buffers(kind, len(cells), buffers)

    return make


def _name_numbers(enum: EnumDescriptor) -> Make:
    """Name an enum's numbers; one without a name is its own text, or for a closed enum left to protobuf.

    A closed enum treats an unknown number as an unknown field, so that an earlier occurrence counts.
    """
    known = np.array(sorted(enum.values_by_number), np.int32)
    names = [enum.values_by_number[number].name for number in known.tolist()]
    described: Any = enum
    closed = bool(described.is_closed)

    def make(_data: Bytes, cells: Cells, there: Flags | None, marked: Flags) -> pa.Array:
        numbers = cells.astype(np.int32)
        places = np.searchsorted(known, numbers).clip(max=len(known) - 1)
        nameless = known[places] != numbers
        if there is not None:
            nameless &= there
        texts = names
        if nameless.any():
            if closed:
                marked |= nameless
            others, inverse = np.unique(numbers[nameless], return_inverse=True)
            places[nameless] = len(names) + inverse
            texts = names + [str(number) for number in others.tolist()]
        mask = None if there is None else ~there
        return pa.array(texts, pa.string()).take(pa.array(places, mask=mask))

    return make
