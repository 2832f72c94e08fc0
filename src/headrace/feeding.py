"""Columns to the tensors that a graph takes: one array for each input, its first dimension that of the records.

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

from headrace.packing import RowErrors, convert, pack_lists
from headrace.records import Field

Tensor = npt.NDArray[Any]


@dataclass(slots=True)
class Feeds:
    """Tensors by input name. ``missing`` maps a row to the inputs that were fed as NaN for it."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    errors: RowErrors = field(default_factory=dict)
    missing: dict[int, list[str]] = field(default_factory=dict)


class Feeder:
    """Turns the column of one input into its tensor; ``tail`` are its dimensions after the records', -1 for any."""

    def __init__(self, each: Field, tail: tuple[int, ...]) -> None:
        self.name, self._type, self._tail = each.name, each.type, tail
        self._kind = pa.type_for_alias(each.type)
        self._is_vector = bool(each.shape)
        self._width = math.prod(tail) if all(size >= 0 for size in tail) else -1
        self._exact = pa.list_(self._kind, self._width) if self._is_vector and self._width >= 0 else self._kind

    def feed(self, batch: pa.RecordBatch, feeds: Feeds) -> None:
        """Add the input's tensor, and the rows that have no value for it."""
        place = batch.schema.get_field_index(self.name)
        column = pa.nulls(batch.num_rows) if place < 0 else batch.column(place)
        if column.type == self._exact and column.null_count == 0:
            width, values = self._width, _view_elements(column, self._width) if self._is_vector else column
        elif self._is_vector:
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
        each.feed(batch, feeds)
    return feeds


def _make_filler(kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_floating(kind):
        return pa.scalar(math.nan, pa.float64()).cast(kind)
    return pa.scalar("") if pa.types.is_string(kind) else pa.scalar(0).cast(kind)


def _view_elements(vectors: pa.Array, width: int) -> pa.Array:
    """Give the elements of vectors without a null among them; ``flatten`` would copy."""
    return vectors.values.slice(vectors.offset * width, len(vectors) * width)


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
