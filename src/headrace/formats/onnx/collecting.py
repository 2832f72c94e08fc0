"""What a graph gives, as columns and as values.

A tensor becomes a column over the very memory that the graph wrote, not a copy, wherever Arrow lays its type out alike.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.errors import RecordError
from headrace.formats.onnx.ports import Output
from headrace.packing import find_dtype


class Collector:
    """Turns one output of a call into columns or values; what depends on the graph alone is found once."""

    def __init__(self, output: Output) -> None:
        self.names = [each.name for each in output.fields]
        self._name, self._form, self._keys, self._shape = output.name, output.form, output.keys, output.shape
        self._kind = pa.type_for_alias(output.element)
        self._dtype = None if output.element in {"string", "bool"} else find_dtype(self._kind)
        self._width = -1 if -1 in output.shape else math.prod(output.shape)
        self._is_plain = output.form == "tensor" and self._dtype is not None and self._width > 0

    def collect_plainly(self, value: Any, rows: int) -> pa.Array | None:
        """Lay a column over a tensor of numbers, so many for each record; None for any other output."""
        if not (self._is_plain and value.shape) or value.size != rows * self._width or value.shape[0] != rows:
            return None
        flat = pa.Array.from_buffers(self._kind, value.size, [None, pa.py_buffer(value)])
        return pa.FixedSizeListArray.from_arrays(flat, self._width) if self._shape else flat

    def collect(self, value: Any, rows: int) -> list[pa.Array]:
        """Turn what a call with so many records gave into columns. Raises ``RecordError`` where it is not for so many.

        ``rows`` is 1 or more.
        """
        if self._form == "tensor":
            return [self._lay_out(self._check(value, rows), rows)]
        if self._form == "table":
            table = self._check_table(value, rows)
            columns = np.ascontiguousarray(table.T)
            return [self._lay(column) for column in columns]
        if len(value) != rows:
            raise RecordError(f"the output {self._name!r} has {len(value)} values for {rows} records")
        if self._form == "maps":
            return [pa.array([each.get(key) for each in value], self._kind) for key in self._keys]
        return [pa.array([np.asarray(each).ravel().tolist() for each in value], pa.list_(self._kind))]

    def read(self, value: Any) -> list[Any]:
        """Turn what a call with one record gave into the values of ``names``. Raises ``RecordError``."""
        if self._form == "tensor":
            if self._shape:
                return [self._check(value, 1).reshape(-1).tolist()]
            if value.size != 1:
                self._refuse(value, 1)
            return [value.item()]
        if self._form == "table":
            values: list[Any] = self._check_table(value, 1)[0].tolist()
            return values
        if len(value) != 1:
            raise RecordError(f"the output {self._name!r} has {len(value)} values for 1 records")
        if self._form == "maps":
            return [value[0].get(key) for key in self._keys]
        return [np.asarray(value[0]).ravel().tolist()]

    def _check(self, value: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
        if not value.shape or value.shape[0] != rows or (self._width >= 0 and value.size != rows * self._width):
            self._refuse(value, rows)
        return value

    def _check_table(self, value: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
        if value.size != rows * len(self._keys):
            self._refuse(value, rows)
        return value.reshape(rows, -1)

    def _refuse(self, value: npt.NDArray[Any], rows: int) -> None:
        raise RecordError(f"the output {self._name!r} has the shape {list(value.shape)} for {rows} records")

    def _lay_out(self, value: npt.NDArray[Any], rows: int) -> pa.Array:
        values = self._lay(value.reshape(-1))
        if not self._shape:
            return values
        width = len(values) // rows
        if self._width >= 0:
            return pa.FixedSizeListArray.from_arrays(values, width)
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * width)
        return pa.ListArray.from_arrays(offsets, values)

    def _lay(self, flat: npt.NDArray[Any]) -> pa.Array:
        if flat.dtype == self._dtype:
            return pa.Array.from_buffers(self._kind, flat.size, [None, pa.py_buffer(flat)])
        return pa.array(flat.tolist() if flat.dtype == object else flat, self._kind)


def column_type(element: str, shape: tuple[int, ...]) -> pa.DataType:
    """Give the type of an output's column."""
    kind = pa.type_for_alias(element)
    if not shape:
        return kind
    return pa.list_(kind) if -1 in shape else pa.list_(kind, math.prod(shape))
