"""A loaded TensorFlow model, of either format.

1. Non-finite numbers that the graph computes are values. Only where an input was missing, and so fed as NaN, does a NaN
   among the outputs make the row an error: the graph cannot do without the input.
2. A call that fails is halved until the rows that make it fail are found; the others are scored.
3. A graph that takes a fixed number of records is called as often as that takes, the last call filled up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.abc.model import Scores
from headrace.errors import RecordError
from headrace.feeding import Feeder, Feeds, has_nan, make_feeds, score_slowly, tell_missing
from headrace.formats.tensorflow.library import TensorflowError
from headrace.formats.tensorflow.ports import CLASS, Output, Ports
from headrace.formats.tensorflow.session import Session
from headrace.formats.tensorflow.tensors import Tensor
from headrace.packing import find_dtype
from headrace.records import Signature

_PLAIN: Mapping[str, type] = {"string": str, "bool": bool}


class TensorflowModel:
    """Scores with a session of TensorFlow, which several threads may use."""

    def __init__(self, session: Session, ports: Ports) -> None:
        self._session, self._ports = session, ports
        tensors = [*(each.tensor for each in ports.inputs), *ports.flags]
        self._call = session.call(tensors, [each.tensor for each in ports.outputs])
        self._flags = [np.array(False) for _ in ports.flags]
        self._signature = ports.signature
        self._feeders = [Feeder(each.field, each.tail) for each in ports.inputs]
        columns = [(each.field.name, each.column) for each in ports.outputs]
        self._schema = pa.schema([*columns, (CLASS, pa.int64())] if ports.argmax else columns)
        self._argmax = [each.field.name for each in ports.outputs].index(ports.argmax) if ports.argmax else -1
        self._readers = [
            (
                each.field.name,
                find_dtype(pa.type_for_alias(each.field.type)),
                (1, *each.tail),
                each.field.type,
                bool(each.field.shape),
            )
            for each in ports.inputs
        ]

    @property
    def signature(self) -> Signature:
        """The model's inputs and outputs."""
        return self._signature

    def close(self) -> None:
        """Give the session back."""
        self._session.close()

    def score(self, batch: pa.RecordBatch) -> Scores:
        """Score a batch of inputs; see ``headrace.abc.model.Model``."""
        if batch.num_rows == 0:
            return Scores(pa.RecordBatch.from_pylist([], schema=self._schema))
        feeds = make_feeds(batch, self._feeders)
        columns = self._score_rows(feeds, np.arange(batch.num_rows))
        self._refuse_missing(feeds, columns)
        if feeds.errors:
            kept = np.ones(batch.num_rows, dtype=bool)
            kept[list(feeds.errors)] = False
            places = pa.array(np.arange(batch.num_rows), mask=~kept)
            columns = [column.take(places) for column in columns]
        return Scores(pa.RecordBatch.from_arrays(columns, schema=self._schema), feeds.errors)

    def run(self, tensors: list[Tensor]) -> list[Tensor]:
        """Run the graph on a tensor for each input. Raises ``TensorflowError``."""
        return self._call.run([*tensors, *self._flags])

    def _score_rows(self, feeds: Feeds, rows: npt.NDArray[np.int64]) -> list[pa.Array]:
        """Score some rows, whole if that goes well."""
        step = self._ports.batch
        if step is not None and len(rows) > step:
            parts = [self._score_rows(feeds, rows[start : start + step]) for start in range(0, len(rows), step)]
            return [pa.concat_arrays(pieces) for pieces in zip(*parts, strict=True)]
        try:
            return self._run_rows(feeds, rows, step)
        except (TensorflowError, RecordError) as error:
            if len(rows) == 1:
                feeds.errors.setdefault(int(rows[0]), f"the model cannot score it: {error}")
                return [pa.nulls(1, kind) for kind in self._schema.types]
        half = len(rows) // 2
        parts = [self._score_rows(feeds, rows[:half]), self._score_rows(feeds, rows[half:])]
        return [pa.concat_arrays(pieces) for pieces in zip(*parts, strict=True)]

    def _run_rows(self, feeds: Feeds, rows: npt.NDArray[np.int64], step: int | None) -> list[pa.Array]:
        tensors = list(feeds.tensors.values())
        if len(rows) != len(tensors[0]) or step not in {None, len(rows)}:
            taken = rows if step is None else np.resize(rows, step)
            tensors = [tensor[taken] for tensor in tensors]
        values = self.run(tensors)
        count = len(rows) if step is None else step
        columns = [_make_column(each, value, count) for each, value in zip(self._ports.outputs, values, strict=True)]
        if self._argmax >= 0:
            columns.append(pa.array(values[self._argmax].reshape(count, -1).argmax(axis=1)))
        return columns if count == len(rows) else [column[: len(rows)] for column in columns]

    def _refuse_missing(self, feeds: Feeds, columns: list[pa.Array]) -> None:
        if not feeds.missing:
            return
        rows = np.fromiter(feeds.missing, np.int64)
        for column in columns:
            for row in [row for row in rows.tolist() if has_nan(column[row].as_py())]:
                feeds.errors.setdefault(row, tell_missing(feeds.missing[row]))

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        """Score one record; see ``headrace.abc.model.Model``. Raises ``RecordError``."""
        tensors: list[Tensor] = []
        missing: list[str] = []
        for name, dtype, shape, kind, is_vector in self._readers:
            value = record.get(name)
            values: Any = value if is_vector and value is not None else (value,)
            plain = _PLAIN.get(kind, int if dtype.kind in "iu" else None)
            try:
                if plain is not None and any(type(each) is not plain for each in values):
                    return score_slowly(self, record)
                if plain is None and None in values:
                    missing.append(name)
                with np.errstate(over="ignore"):
                    tensors.append(np.array(values, dtype).reshape(shape))
            except (TypeError, ValueError, OverflowError):
                return score_slowly(self, record)
        if self._ports.batch not in {None, 1}:
            return score_slowly(self, record)
        try:
            values = self.run(tensors)
        except TensorflowError as error:
            raise RecordError(f"the model cannot score the record: {error}") from error
        outputs: dict[str, object] = {}
        for each, value in zip(self._ports.outputs, values, strict=True):
            outputs[each.field.name] = _read_one(each, value)
        if self._argmax >= 0:
            outputs[CLASS] = int(values[self._argmax].argmax())
        if missing and any(has_nan(value) for value in outputs.values()):
            raise RecordError(tell_missing(missing))
        return outputs


def _make_column(output: Output, value: Tensor, rows: int) -> pa.Array:
    """Turn an output for so many rows into its column. Raises ``RecordError`` where it is not for so many."""
    kind, shape = output.column, output.field.shape
    size = value.size
    width = size // rows
    fits = bool(value.shape) and value.shape[0] == rows
    if not fits or (shape == () and width != 1) or (shape and -1 not in shape and width != kind.list_size):
        raise RecordError(f"the output {output.field.name!r} has the shape {list(value.shape)} for {rows} records")
    values = pa.array(value.reshape(-1), kind if shape == () else kind.value_type)
    if shape == ():
        return values
    if -1 in shape:
        return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * width), values)
    return pa.FixedSizeListArray.from_arrays(values, width)


def _read_one(output: Output, value: Tensor) -> object:
    shape = output.field.shape
    if not value.shape or value.shape[0] != 1 or (shape == () and value.size != 1):
        raise RecordError(f"the output {output.field.name!r} has the shape {list(value.shape)} for 1 record")
    return value.reshape(-1).tolist() if shape else value.item()
