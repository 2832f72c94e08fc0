"""One record to the tensors that a graph takes, without columns in between.

What numbers of floating types need no look at: a missing one is NaN. Of other types only values of the very Python type
are taken; whatever else a record holds is left to the columns' way, which says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.formats.onnx.ports import Input

_PLAIN: Mapping[str, type] = MappingProxyType({"string": str, "bool": bool})

Tensors = dict[str, npt.NDArray[Any]]


class Reader:
    """Turns one record into tensors; what depends on the graph alone is found once."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._names = [each.field.name for each in inputs]
        self._readers = [_InputReader(each) for each in inputs]
        alike = {(each.dtype, each.tail) for each in inputs if not each.field.shape and each.dtype.kind == "f"}
        together = len(alike) == 1 and all(not each.field.shape and each.dtype.kind == "f" for each in inputs)
        self._dtype = inputs[0].dtype if together else None
        self._shape = (len(inputs), 1, *inputs[0].tail) if together else ()

    def read(self, record: Mapping[str, object]) -> Tensors | None:
        """Give the tensors by input, or None where a value needs a closer look."""
        try:
            with np.errstate(over="ignore"):  # beyond the type's range is infinite, and the graph sees to it
                if self._dtype is not None:
                    return self._read_together(record)
                return {each.name: each.read(record.get(each.name)) for each in self._readers}
        except (TypeError, ValueError, OverflowError):
            return None

    def _read_together(self, record: Mapping[str, object]) -> Tensors:
        """Read numbers of one type into one block of memory, of which each input is a part."""
        values = np.array([record.get(name) for name in self._names], self._dtype)
        return dict(zip(self._names, values.reshape(self._shape), strict=True))


class _InputReader:
    def __init__(self, each: Input) -> None:
        self.name, self._dtype, self._shape = each.field.name, each.dtype, (1, *each.tail)
        self._is_vector = bool(each.field.shape)
        self._plain = int if pa.types.is_integer(each.kind) else _PLAIN.get(each.field.type)

    def read(self, value: Any) -> npt.NDArray[Any]:
        """Give a value as a tensor of one record. Raises ``TypeError`` or ``ValueError`` for another type."""
        values = value if self._is_vector and value is not None else (value,)
        if self._plain is not None and any(type(each) is not self._plain for each in values):
            raise TypeError
        return np.array(values, self._dtype).reshape(self._shape)
