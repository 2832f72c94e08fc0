"""Columns to the tensors that a graph takes: one array for each input, its first dimension that of the records.

Models of graphs share as well what they say of one record, and of an input that was missing.

A missing number of a floating type is NaN, as the training libraries write it; what else is missing makes its row an
error, and stands as zero or empty text so that its neighbours can be scored in the same call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.abc.model import Model
from headrace.errors import RecordError
from headrace.packing import RowErrors, convert, find_dtype, infer_column, pack_lists
from headrace.records import Field

Tensor = npt.NDArray[Any]


@dataclass(slots=True)
class Feeds:
    """Tensors by input name. ``missing`` maps a row to the inputs that were fed as NaN for it."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    errors: RowErrors = field(default_factory=dict)
    missing: dict[int, list[str]] = field(default_factory=dict)

    def take(self, rows: npt.NDArray[np.int64]) -> dict[str, Tensor]:
        """Give the tensors of some rows."""
        return {name: tensor[rows] for name, tensor in self.tensors.items()}


class Feeder:
    """Turns the column of one input into its tensor; what depends on the graph alone is found once.

    ``tail`` are the tensor's dimensions after the records', -1 for any.
    """

    def __init__(self, each: Field, tail: tuple[int, ...]) -> None:
        self.name, self._type, self._tail = each.name, each.type, tail
        self._kind = pa.type_for_alias(each.type)
        self._is_vector = bool(each.shape)
        self._width = math.prod(tail) if all(size >= 0 for size in tail) else -1
        self._exact = pa.list_(self._kind, self._width) if self._is_vector and self._width >= 0 else self._kind
        is_number = pa.types.is_floating(self._kind) or pa.types.is_integer(self._kind)
        self._dtype = find_dtype(self._kind) if is_number and self._width > 0 else None

    def view(self, batch: pa.RecordBatch) -> Tensor | None:
        """Give the input as a tensor over the column's own memory; None where that takes more than a look."""
        place = batch.schema.get_field_index(self.name)
        if place < 0 or self._dtype is None:
            return None
        column = batch.column(place)
        if column.type != self._exact or column.null_count:
            return None
        first, count = column.offset, len(column)
        if self._is_vector:
            elements = column.values
            if elements.null_count:
                return None
            first, count = first * self._width + elements.offset, count * self._width
        flat = np.frombuffer(column.buffers()[-1], self._dtype, count, first * self._dtype.itemsize)
        return flat.reshape(-1, *self._tail)

    def feed(self, batch: pa.RecordBatch, feeds: Feeds) -> None:
        """Add the input's tensor, and the rows that have no value for it."""
        place = batch.schema.get_field_index(self.name)
        column = pa.nulls(batch.num_rows) if place < 0 else batch.column(place)
        if self._is_vector:
            width, values = self._convert_vectors(column, feeds)
        else:
            width, values = 1, self._convert(column, feeds)
        tail = tuple(width if size < 0 else size for size in self._tail) if len(self._tail) == 1 else self._tail
        feeds.tensors[self.name] = self._fill(values, width, feeds).reshape(len(column), *tail)

    def _convert(self, column: pa.Array, feeds: Feeds) -> pa.Array:
        values, failed = convert(column, self._kind, self.name)
        _add_errors(failed, feeds)
        return values

    def _convert_vectors(self, column: pa.Array, feeds: Feeds) -> tuple[int, pa.Array]:
        width = self._width if self._width >= 0 else _find_width(column)
        if pa.types.is_null(column.type):
            column = pa.nulls(len(column), pa.list_(self._kind, width))
        vectors, failed = pack_lists(column, self.name, self._kind, width)
        _add_errors(failed, feeds)
        if not vectors.null_count:
            return width, vectors.flatten()
        valid = vectors.is_valid().to_numpy(zero_copy_only=False)
        return width, pc.take(vectors.flatten(), _spread(valid, width))

    def _fill(self, values: pa.Array, width: int, feeds: Feeds) -> Tensor:
        if values.null_count:
            floating = pa.types.is_floating(self._kind)
            gone = np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)) // max(width, 1)
            for row in np.unique(gone).tolist():
                if floating:
                    feeds.missing.setdefault(row, []).append(self.name)
                else:
                    reason = f"the input {self.name!r} is missing, and a {self._type} cannot say so"
                    feeds.errors.setdefault(row, reason)
            values = values.fill_null(_make_filler(self._kind))
        tensor: Tensor = values.to_numpy(zero_copy_only=False)
        return tensor


def make_feeds(batch: pa.RecordBatch, feeders: Sequence[Feeder]) -> Feeds:
    """Turn a batch of the model's inputs into tensors."""
    feeds = Feeds()
    for each in feeders:
        seen = each.view(batch)
        if seen is None:
            each.feed(batch, feeds)
        else:
            feeds.tensors[each.name] = seen
    return feeds


def score_slowly(model: Model, record: Mapping[str, object]) -> dict[str, object]:
    """Score one record as a batch: it says of every value what is wrong with it. Raises ``RecordError``."""
    columns = {}
    for each in model.signature.inputs:
        value = record.get(each.name)
        try:
            columns[each.name] = infer_column([value])
        except (pa.ArrowException, TypeError, OverflowError) as error:
            raise RecordError(f"the input {each.name!r} holds {value!r}: {error}") from error
    scores = model.score(pa.record_batch(columns))
    for reason in scores.errors.values():
        raise RecordError(reason)
    outputs: dict[str, object] = scores.outputs.to_pylist()[0]
    return outputs


def has_nan(value: object) -> bool:
    """Tell whether an output holds a NaN."""
    if isinstance(value, list):
        return any(map(has_nan, value))
    return isinstance(value, float) and value != value  # noqa: PLR0124 (NaN alone is not itself)


def tell_missing(names: Sequence[str]) -> str:
    """Say why a record whose output is NaN has no score: these inputs were fed as NaN."""
    return f"the model gives no number without {', '.join(repr(name) for name in names)}, which is missing"


def _make_filler(kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_floating(kind):
        return pa.scalar(math.nan, pa.float64()).cast(kind)
    return pa.scalar("") if pa.types.is_string(kind) else pa.scalar(0).cast(kind)


def _find_width(column: pa.Array) -> int:
    """Find how many elements a vector of a free dimension has: as many as the first that is there."""
    if pa.types.is_fixed_size_list(column.type):
        return int(column.type.list_size)
    if pa.types.is_null(column.type):
        return 1
    lengths = pc.list_value_length(column).drop_null()
    return lengths[0].as_py() if len(lengths) else 1


def _spread(valid: npt.NDArray[np.bool_], width: int) -> pa.Array:
    """Give, for each element of each row, its place among the elements of the rows that are there."""
    first = (np.cumsum(valid) - 1) * width
    places = (first[:, None] + np.arange(width)).ravel()
    return pa.array(places, mask=np.repeat(~valid, width))


def _add_errors(failed: Mapping[int, str], feeds: Feeds) -> None:
    for row, reason in failed.items():
        feeds.errors.setdefault(row, reason)
