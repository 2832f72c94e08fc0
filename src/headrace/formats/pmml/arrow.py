"""The evaluator's columns to Arrow arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from headrace.formats.pmml.columns import Bools, Column, Numbers, Texts, cast
from headrace.formats.pmml.datatypes import DataType

_WHOLE = {"int64": np.int64, "bool": np.bool_, "date32": np.int32, "time32[s]": np.int32}


def to_arrow(column: Column, type: DataType, arrow: pa.DataType, failed: Bools | None) -> pa.Array:
    """Turn a column into an Arrow array of a type; missing values and failed rows are null."""
    column = cast(column, type)
    if isinstance(column, Texts):
        codes = column.codes if failed is None else np.where(failed, -1, column.codes).astype(np.int32)
        table = pa.array([*column.categories, None], pa.string())
        return table.take(pa.array(np.where(codes < 0, len(column.categories), codes)))
    return _numbers(column, type, arrow, failed)


def _numbers(column: Numbers, type: DataType, arrow: pa.DataType, failed: Bools | None) -> pa.Array:
    values = column.values
    missing = np.isnan(values)
    if failed is not None:
        missing |= failed
    mask = missing if missing.any() else None
    if type.name == "dateTime":
        milliseconds = np.where(missing, 0, np.rint(values * 1000.0)).astype("datetime64[ms]")
        return pa.array(milliseconds, arrow, mask=mask)
    whole = _WHOLE.get(type.arrow)
    if whole is None:
        return pa.array(values, arrow, mask=mask)
    exact = np.where(missing | np.isinf(values), 0, values)
    if np.isinf(values).any():
        mask = missing | np.isinf(values)
    return pa.array(exact.astype(whole), mask=mask).cast(arrow)
