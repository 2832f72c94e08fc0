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
from headrace.feeding import Feeder, Feeds, has_nan, make_feeds, score_slowly, tell_missing
from headrace.formats.onnx.collecting import Collector, column_type
from headrace.formats.onnx.ports import Ports
from headrace.formats.onnx.reading import Reader
from headrace.formats.onnx.session import shorten
from headrace.records import Signature

Columns = list[pa.Array]


class OnnxModel:
    """Scores with a session of onnxruntime, which several threads may use."""

    def __init__(self, session: Any, ports: Ports) -> None:
        self._session, self._ports = session, ports
        self._sources = [output.source for output in ports.outputs]
        self._signature = ports.signature
        self._feeders = [Feeder(each.field, each.tail) for each in ports.inputs]
        self._collectors = [Collector(output) for output in ports.outputs]
        self._schema = pa.schema([(each.name, column_type(each.type, each.shape)) for each in self._signature.outputs])
        self._reader = Reader(ports.inputs) if ports.batch in {None, 1} else None

    @property
    def signature(self) -> Signature:
        """The model's inputs and outputs."""
        return self._signature

    def close(self) -> None:
        """Give the session back."""
        self._session = None

    def score(self, batch: pa.RecordBatch) -> Scores:
        """Score a batch of inputs; see ``headrace.abc.model.Model``."""
        rows = batch.num_rows
        if rows == 0:
            return Scores(_make_empty(self._schema))
        columns = self._score_plainly(batch, rows)
        if columns is not None:
            return Scores(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        feeds = make_feeds(batch, self._feeders)
        columns = self._call(feeds, np.arange(rows))
        if feeds.missing:
            self._refuse_missing(feeds, columns)
        if feeds.errors:
            kept = np.ones(rows, dtype=bool)
            kept[list(feeds.errors)] = False
            places = pa.array(np.arange(rows), mask=~kept)
            columns = [column.take(places) for column in columns]
        return Scores(pa.RecordBatch.from_arrays(columns, schema=self._schema), feeds.errors)

    def _score_plainly(self, batch: pa.RecordBatch, rows: int) -> Columns | None:
        """Score all rows in one call over the columns' own memory.

        None where a column takes more than a look, the graph another number of records, or one makes it fail.
        """
        if self._ports.batch not in (None, rows):
            return None
        tensors = {}
        for feeder in self._feeders:
            seen = feeder.view(batch)
            if seen is None:
                return None
            tensors[feeder.name] = seen
        try:
            return self._collect(self._session.run(self._sources, tensors), rows)
        except Exception:  # noqa: BLE001 (onnxruntime raises whatever its kernels do)
            return None

    def _call(self, feeds: Feeds, rows: npt.NDArray[np.int64]) -> Columns:
        """Score some rows, in one call if that goes well."""
        step = self._ports.batch
        if step is not None and len(rows) > step:
            return _join([self._call(feeds, rows[start : start + step]) for start in range(0, len(rows), step)])
        try:
            values = self._session.run(self._sources, feeds.take(rows if step is None else np.resize(rows, step)))
            return [column[: len(rows)] for column in self._collect(values, step or len(rows))]
        except Exception as error:  # noqa: BLE001
            if len(rows) == 1:
                feeds.errors.setdefault(int(rows[0]), f"the model cannot score it: {shorten(str(error))}")
                return [pa.nulls(1, kind) for kind in self._schema.types]
        half = len(rows) // 2
        return _join([self._call(feeds, rows[:half]), self._call(feeds, rows[half:])])

    def _collect(self, values: list[Any], rows: int) -> Columns:
        columns: Columns = []
        for collector, value in zip(self._collectors, values, strict=True):
            plain = collector.collect_plainly(value, rows)
            if plain is None:
                columns += collector.collect(value, rows)
            else:
                columns.append(plain)
        return columns

    def _refuse_missing(self, feeds: Feeds, columns: Columns) -> None:
        rows = np.fromiter(feeds.missing, np.int64)
        for column in columns:
            if pa.types.is_floating(column.type):
                bad = rows[np.isnan(column.take(pa.array(rows)).to_numpy(zero_copy_only=False))].tolist()
            else:
                bad = [row for row in rows.tolist() if has_nan(column[row].as_py())]
            for row in bad:
                feeds.errors.setdefault(row, tell_missing(feeds.missing[row]))

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        """Score one record; see ``headrace.abc.model.Model``. Raises ``RecordError``."""
        tensors = None if self._reader is None else self._reader.read(record)
        if tensors is None:
            return score_slowly(self, record)
        try:
            found = self._session.run(self._sources, tensors)
        except Exception as error:
            raise RecordError(f"the model cannot score the record: {shorten(str(error))}") from error
        outputs: dict[str, object] = {}
        for collector, value in zip(self._collectors, found, strict=True):
            outputs.update(zip(collector.names, collector.read(value), strict=True))
        if any(map(has_nan, outputs.values())) and (missing := self._find_missing(record)):
            raise RecordError(tell_missing(missing))
        return outputs

    def _find_missing(self, record: Mapping[str, object]) -> list[str]:
        values = {each.field.name: record.get(each.field.name) for each in self._ports.inputs}
        return [name for name, value in values.items() if value is None or (isinstance(value, list) and None in value)]


def _join(parts: list[Columns]) -> Columns:
    return [pa.concat_arrays(pieces) for pieces in zip(*parts, strict=True)]


def _make_empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], kind) for kind in schema.types], schema=schema)
