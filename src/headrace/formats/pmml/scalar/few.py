"""Batches of a few records, record by record: for these a program is many times faster than columns are.

What a batch costs in columns it costs once, whatever its size; an engine that waits for nobody scores batches of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from headrace.abc.model import Scores

FEW = 8
"""So many records at most: the slowest programs are level with columns there."""
_PLAIN = frozenset(
    each.id for each in (pa.float64(), pa.float32(), pa.int64(), pa.int32(), pa.int16(), pa.int8(), pa.string())
)
"""Types whose values a record holds as a column does."""


class Few:
    """Scores small batches of plain columns by ``score_one``, which gives None for what has to go the general way."""

    def __init__(
        self,
        score_one: Callable[[Mapping[str, object]], dict[str, object] | None],
        names: Sequence[str],
        schema: pa.Schema,
    ) -> None:
        self._score_one = score_one
        self._names = names
        self._schema = schema

    def score(self, batch: pa.RecordBatch) -> Scores | None:
        """Score a batch; None where it needs the general way."""
        given = batch.schema
        columns = []
        for name in self._names:
            place = given.get_field_index(name)
            if place < 0 or given.field(place).type.id not in _PLAIN:
                return None
            columns.append(batch.column(place).to_pylist())
        found = []
        for values in zip(*columns, strict=True):
            outputs = self._score_one(dict(zip(self._names, values, strict=True)))
            if outputs is None:
                return None
            found.append(outputs)
        if len(found) < batch.num_rows:  # a model without inputs
            return None
        arrays = [pa.array([each[field.name] for each in found], field.type) for field in self._schema]
        return Scores(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
