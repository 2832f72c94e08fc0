"""A loaded ONNX model.

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
from headrace.formats.onnx.collecting import column_type, make_columns, read_one
from headrace.formats.onnx.feeding import Feeder, Feeds, make_feeds
from headrace.formats.onnx.ports import Ports
from headrace.formats.onnx.session import shorten
from headrace.records import Signature

_PLAIN: Mapping[str, type] = {"string": str, "bool": bool}


class OnnxModel:
    """Scores with a session of onnxruntime, which several threads may use."""

    def __init__(self, session: Any, ports: Ports) -> None:
        self._session, self._ports = session, ports
        self._names = [output.name for output in ports.outputs]
        self._signature = ports.signature
        self._feeders = [Feeder(each) for each in ports.inputs]
        self._kinds = [pa.type_for_alias(output.element) for output in ports.outputs]
        self._schema = pa.schema([(each.name, column_type(each.type, each.shape)) for each in self._signature.outputs])
        self._readers = [
            (each.field.name, each.dtype, (1, *each.tail), each.field.type, bool(each.field.shape))
            for each in ports.inputs
        ]

    @property
    def signature(self) -> Signature:
        """The model's inputs and outputs."""
        return self._signature

    def close(self) -> None:
        """Give the session back."""
        self._session = None

    def score(self, batch: pa.RecordBatch) -> Scores:
        """Score a batch of inputs; see ``headrace.abc.model.Model``."""
        if batch.num_rows == 0:
            return Scores(_make_empty(self._schema))
        feeds = make_feeds(batch, self._feeders)
        columns = self._call(feeds, np.arange(batch.num_rows))
        self._refuse_missing(feeds, columns)
        if feeds.errors:
            kept = np.ones(batch.num_rows, dtype=bool)
            kept[list(feeds.errors)] = False
            places = pa.array(np.arange(batch.num_rows), mask=~kept)
            columns = [column.take(places) for column in columns]
        return Scores(pa.RecordBatch.from_arrays(columns, schema=self._schema), feeds.errors)

    def _call(self, feeds: Feeds, rows: npt.NDArray[np.int64]) -> list[pa.Array]:
        """Score some rows, whole if that goes well."""
        step = self._ports.batch
        if step is not None and len(rows) > step:
            parts = [self._call(feeds, rows[start : start + step]) for start in range(0, len(rows), step)]
            return [pa.concat_arrays(pieces) for pieces in zip(*parts, strict=True)]
        try:
            return self._run(feeds, rows, step)
        except Exception as error:  # noqa: BLE001 (onnxruntime raises whatever its kernels do)
            if len(rows) == 1:
                feeds.errors.setdefault(int(rows[0]), f"the model cannot score it: {shorten(str(error))}")
                return [pa.nulls(1, kind) for kind in self._schema.types]
        half = len(rows) // 2
        parts = [self._call(feeds, rows[:half]), self._call(feeds, rows[half:])]
        return [pa.concat_arrays(pieces) for pieces in zip(*parts, strict=True)]

    def _run(self, feeds: Feeds, rows: npt.NDArray[np.int64], step: int | None) -> list[pa.Array]:
        whole = len(rows) == len(next(iter(feeds.tensors.values()), rows)) and step in {None, len(rows)}
        if whole:
            tensors = feeds.tensors
        else:
            tensors = feeds.take(rows if step is None else np.resize(rows, step))
        values = self._session.run(self._names, tensors)
        columns: list[pa.Array] = []
        for output, kind, value in zip(self._ports.outputs, self._kinds, values, strict=True):
            made = make_columns(output, kind, value, len(rows) if step is None else step)
            columns += made if step is None else [column[: len(rows)] for column in made]
        return columns

    def _refuse_missing(self, feeds: Feeds, columns: list[pa.Array]) -> None:
        if not feeds.missing:
            return
        rows = np.fromiter(feeds.missing, np.int64)
        for column in columns:
            if pa.types.is_floating(column.type):
                bad = rows[np.isnan(column.take(pa.array(rows)).to_numpy(zero_copy_only=False))].tolist()
            else:
                bad = [row for row in rows.tolist() if _has_nan(column[row].as_py())]
            for row in bad:
                feeds.errors.setdefault(row, _tell_missing(feeds.missing[row]))

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        """Score one record; see ``headrace.abc.model.Model``. Raises ``RecordError``."""
        tensors = {}
        missing: list[str] = []
        for name, dtype, shape, kind, is_vector in self._readers:
            value = record.get(name)
            values = value if is_vector and value is not None else (value,)
            plain = _PLAIN.get(kind, int if dtype.kind in "iu" else None)
            if plain is not None and any(type(each) is not plain for each in values):  # type: ignore[attr-defined]
                return self._score_slowly(record)
            if plain is None and None in values:  # type: ignore[operator]
                missing.append(name)
            try:
                with np.errstate(over="ignore"):
                    tensors[name] = np.array(values, dtype).reshape(shape)
            except (TypeError, ValueError, OverflowError):
                return self._score_slowly(record)
        if self._ports.batch not in {None, 1}:
            return self._score_slowly(record)
        try:
            found = self._session.run(self._names, tensors)
        except Exception as error:
            raise RecordError(f"the model cannot score the record: {shorten(str(error))}") from error
        outputs: dict[str, object] = {}
        for output, value in zip(self._ports.outputs, found, strict=True):
            outputs |= read_one(output, value)
        if missing and any(_has_nan(value) for value in outputs.values()):
            raise RecordError(_tell_missing(missing))
        return outputs

    def _score_slowly(self, record: Mapping[str, object]) -> dict[str, object]:
        """Score one record as a batch: it says of every value what is wrong with it."""
        columns = {}
        for each in self._ports.inputs:
            value = record.get(each.field.name)
            try:
                columns[each.field.name] = pa.array([value])
            except (pa.ArrowException, TypeError, OverflowError) as error:
                raise RecordError(f"the input {each.field.name!r} holds {value!r}: {error}") from error
        scores = self.score(pa.record_batch(columns))
        for reason in scores.errors.values():
            raise RecordError(reason)
        outputs: dict[str, object] = scores.outputs.to_pylist()[0]
        return outputs


def _make_empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], kind) for kind in schema.types], schema=schema)


def _has_nan(value: object) -> bool:
    if isinstance(value, list):
        return any(_has_nan(each) for each in value)
    return isinstance(value, float) and value != value  # noqa: PLR0124 (NaN alone is not itself)


def _tell_missing(names: list[str]) -> str:
    return f"the model gives no number without {', '.join(repr(name) for name in names)}, which is missing"
