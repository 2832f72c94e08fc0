"""Rows of a table shaped into the records that a model takes: transactions of several rows, forecasts of several steps.

Rules:

1. Rows with equal values in the columns of ``Shaping.group_by`` are one record, wherever they stand, in the order of
   their first rows. Its other columns hold lists in the order of the rows. Missing values are equal to one another.
2. A row in which the column of ``Shaping.count_up`` holds a whole number n from 1 up stands for n records, in which the
   column holds 1 to n. Any other row is left as it is, for the model to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from headrace.abc.model import Shaping
from headrace.errors import SourceError

MAX_STEPS = 100_000
"""More records than that out of one row are refused: a mistake, or an attack on memory."""


def shape_table(
    batches: Iterable[pa.RecordBatch], shaping: Shaping, columns: Mapping[str, str]
) -> Iterable[pa.RecordBatch]:
    """Shape batches of one schema; ``columns`` names the column of each input that has one.

    A table is grouped as a whole, in memory. Raises ``SourceError`` for too many steps.
    """
    keys = [columns[name] for name in shaping.group_by if name in columns]
    if keys:
        return _group(list(batches), keys)
    if shaping.count_up in columns:
        return (_count_up(batch, columns[shaping.count_up]) for batch in batches)
    return batches


def _group(batches: list[pa.RecordBatch], keys: list[str]) -> list[pa.RecordBatch]:
    if not batches:
        return []
    table = pa.Table.from_batches(batches).combine_chunks()
    groups = np.zeros(table.num_rows, dtype=np.int64)
    for key in keys:
        encoded = table.column(key).combine_chunks().dictionary_encode(null_encoding="encode")
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        groups = np.unique(groups * (len(encoded.dictionary) + 1) + codes, return_inverse=True)[1]
    _, firsts, groups = np.unique(groups, return_index=True, return_inverse=True)
    places = np.argsort(np.argsort(firsts))[groups]
    order = np.argsort(places, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(places, minlength=len(firsts)))]).astype(np.int32)
    sorted_table = table.take(pa.array(order))
    arrays = []
    for name in table.column_names:
        values = sorted_table.column(name).combine_chunks()
        if name in keys:
            arrays.append(values.take(pa.array(offsets[:-1])))
        else:
            arrays.append(pa.ListArray.from_arrays(pa.array(offsets), values))
    return [pa.RecordBatch.from_arrays(arrays, names=table.column_names)]


def _count_up(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    place = batch.schema.get_field_index(name)
    steps = [_read_steps(text) for text in batch.column(place).to_pylist()]
    if max(steps, default=0) > MAX_STEPS:
        raise SourceError(f"the column {name!r} asks for {max(steps):,} steps of one row; the limit is {MAX_STEPS:,}")
    rows = np.repeat(np.arange(batch.num_rows), [max(count, 1) for count in steps])
    repeated = batch.take(pa.array(rows))
    counted = [str(step + 1) for count in steps if count for step in range(count)]
    kept = iter(counted)
    values = [
        next(kept) if steps[row] else value
        for row, value in zip(rows.tolist(), repeated.column(place).to_pylist(), strict=True)
    ]
    return repeated.set_column(place, batch.schema.field(place), pa.array(values, batch.schema.field(place).type))


def _read_steps(text: object) -> int:
    """Return the steps that a cell asks for, 0 where it is no whole number from 1 up."""
    try:
        number = float(str(text))
    except ValueError:
        return 0
    return int(number) if number >= 1 and number.is_integer() else 0
