"""What a graph gives, as columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from headrace.errors import RecordError
from headrace.formats.onnx.ports import Output


def make_columns(output: Output, kind: pa.DataType, value: Any, rows: int) -> list[pa.Array]:
    """Turn one output of a call with so many records into columns of a kind.

    Raises ``RecordError`` where it is not for so many.
    """
    if len(value) != rows if isinstance(value, list) else not value.shape or value.shape[0] != rows:
        size = f"{len(value)} values" if isinstance(value, list) else f"the shape {list(value.shape)}"
        raise RecordError(f"the output {output.name!r} has {size} for {rows} records")
    if output.form == "maps":
        return [pa.array([each.get(key) for each in value], kind) for key in output.keys]
    if output.form == "tensors":
        return [pa.array([np.asarray(each).ravel().tolist() for each in value], pa.list_(kind))]
    flat = value.reshape(-1)
    values = pa.array(flat.tolist() if flat.dtype == object else flat, kind)
    if not output.shape:
        if len(values) != rows:
            raise RecordError(f"the output {output.name!r} has {len(values)} values for {rows} records")
        return [values]
    width = len(values) // rows if rows else 1
    if -1 in output.shape:
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * width)
        return [pa.ListArray.from_arrays(offsets, values)]
    return [pa.FixedSizeListArray.from_arrays(values, width)]


def column_type(element: str, shape: tuple[int, ...]) -> pa.DataType:
    """Give the type of an output's column."""
    kind = pa.type_for_alias(element)
    if not shape:
        return kind
    return pa.list_(kind) if -1 in shape else pa.list_(kind, int(np.prod(shape)))


def read_one(output: Output, value: Any) -> dict[str, object]:
    """Turn one output of a call with one record into values by name."""
    if output.form == "maps":
        return {f"{output.name}.{key}": value[0].get(key) for key in output.keys}
    if output.form == "tensors":
        return {output.name: np.asarray(value[0]).ravel().tolist()}
    return {output.name: value.reshape(-1).tolist() if output.shape else value.item()}
