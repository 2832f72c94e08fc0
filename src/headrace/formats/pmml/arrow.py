"""The evaluator's columns to Arrow arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.formats.pmml.columns import Bools, Column, Numbers, Texts, cast
from headrace.formats.pmml.datatypes import DataType

_WHOLE = {"int64": np.int64, "bool": np.bool_, "date32": np.int32, "time32[s]": np.int32}

_INFINITE = (-np.inf, np.inf)
_LIMITS = {
    "int64": (-(2.0**63) - 1025, 2.0**63),
    "date32": (-719163.0, 2932897.0),
    "time32[s]": (-1.0, 86400.0),
    "timestamp[ms]": (-719163.0 * 86400, 2932897.0 * 86400),
}
"""The first values beyond each type at either end; dates and times of the years 1 to 9999."""

_FEW = 16
"""Up to so many rows, Python values are quicker than an Arrow function."""


class Writer:
    """Writes the columns of one output, and keeps what it made of the last list of categories: it seldom changes."""

    def __init__(self, type: DataType, arrow: pa.DataType) -> None:
        self._type = type
        self._arrow = arrow
        self._table: tuple[Sequence[str], pa.Array, list[object]] = ([], pa.nulls(1, arrow), [None])

    def write(self, column: Column, failed: Bools | None) -> pa.Array:
        """Turn a column into an array; missing values and failed rows are null."""
        if isinstance(column, Numbers):
            return to_arrow(column, self._type, self._arrow, failed)
        categories, table, values = self._table
        if categories is not column.categories:
            categories = column.categories
            distinct = Texts(np.append(np.arange(len(categories)), -1).astype(np.int32), categories)
            table = to_arrow(distinct, self._type, self._arrow, None)
            values = table.to_pylist()
            self._table = categories, table, values
        codes = column.codes if failed is None else np.where(failed, -1, column.codes)
        if len(codes) <= _FEW:
            return pa.array([values[code] for code in codes.tolist()], self._arrow)
        if codes.min(initial=0) < 0:
            codes = np.where(codes < 0, len(categories), codes)
        return table.take(pa.array(codes))

    def read(self, column: Column) -> object:
        """Return the value of a column of one row, as ``write`` followed by reading the array would."""
        if isinstance(column, Numbers):
            if column.type is self._type and self._type.arrow in ("double", "float"):
                value = column.values.item()
                return None if value != value else value  # noqa: PLR0124 (not a number)
        elif self._type.is_text:
            code = column.codes.item()
            return None if code < 0 else column.categories[code]
        return self.write(column, None)[0].as_py()


def find_overflow(column: Column, type: DataType, finite: bool = True) -> Bools | None:
    """Tell for each row whether its value lies outside the output's type; None where all lie within.

    Numbers with a fraction may be infinite unless they have to be ``finite``.
    """
    limits = _LIMITS.get(type.arrow, _INFINITE if finite else None)
    if limits is None or isinstance(column, Texts):
        return None
    low, high = limits
    values = cast(column, type)
    assert isinstance(values, Numbers)
    if not low < values.values.min(initial=0.0) or not values.values.max(initial=0.0) < high:
        outside: Bools = (values.values <= low) | (values.values >= high)
        return outside if outside.any() else None
    return None


def to_arrow(column: Column, type: DataType, arrow: pa.DataType, failed: Bools | None) -> pa.Array:
    """Turn a column into an Arrow array of a type; missing values and failed rows are null."""
    column = cast(column, type)
    if isinstance(column, Texts):
        return pa.array(
            Texts(column.codes if failed is None else np.where(failed, -1, column.codes), column.categories).to_list(),
            arrow,
        )
    return _numbers(column, type, arrow, failed)


def wrap(values: npt.NDArray[np.floating], arrow: pa.DataType) -> pa.Array:
    """Make an array of numbers none of which is missing, without a copy."""
    return pa.Array.from_buffers(arrow, len(values), [None, pa.py_buffer(values)])


def _numbers(column: Numbers, type: DataType, arrow: pa.DataType, failed: Bools | None) -> pa.Array:
    values = column.values
    whole = _WHOLE.get(type.arrow)
    if whole is None and failed is None and type.name != "dateTime" and not np.isnan(values.min(initial=np.inf)):
        return wrap(np.ascontiguousarray(values, dtype=np.float32 if type.is_float else np.float64), arrow)
    missing = np.isnan(values)
    if failed is not None:
        missing |= failed
    mask = missing if missing.any() else None
    if type.name == "dateTime":
        milliseconds = np.where(missing, 0, np.rint(values * 1000.0)).astype("datetime64[ms]")
        return pa.array(milliseconds, arrow, mask=mask)
    if whole is None:
        return pa.array(values, arrow, mask=mask)
    exact = np.where(missing | np.isinf(values), 0, values)
    if np.isinf(values).any():
        mask = missing | np.isinf(values)
    return pa.array(exact.astype(whole), mask=mask).cast(arrow)
