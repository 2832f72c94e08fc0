"""Results as a table: one row a scored record, the same leading columns for every model.

- ``id`` is the record's own or "source/partition/offset"; ``key`` is text, with bytes that are not UTF-8 escaped.
- ``scored_at`` is in milliseconds since the epoch, ``score_ns`` in nanoseconds.
- An output's column is ``outputs.`` and its name, so that none can collide with a leading column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from headrace.records import Batch, Int64Array, Raw, Results

OUTPUT_PREFIX = "outputs."

LEADING = pa.schema(
    [
        ("id", pa.string()),
        ("key", pa.string()),
        ("data_type", pa.string()),
        ("slot", pa.string()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("digest", pa.string()),
        ("position", pa.int64()),
        ("scored_at", pa.int64()),
        ("score_ns", pa.int64()),
        ("source", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
    ]
)


def tabulate(results: Results) -> pa.RecordBatch:
    """Make the table of a batch of results; outputs keep their types."""
    raw, rows, count = results.batch.raw, results.rows, len(results)
    versions = results.versions
    version_of = pa.array(results.version_of, pa.int64())

    def repeat(value: object, name: str) -> pa.Array:
        return pa.repeat(pa.scalar(value, LEADING.field(name).type), count)

    leading = [
        identify(results.batch, rows),
        read_keys(raw, rows),
        repeat(results.slot.data_type, "data_type"),
        repeat(results.slot.name, "slot"),
        pa.array([version.name for version in versions], pa.string()).take(version_of),
        pa.array([version.version for version in versions], pa.string()).take(version_of),
        pa.array([version.digest for version in versions], pa.string()).take(version_of),
        pa.array([version.position for version in versions], pa.int64()).take(version_of),
        repeat(results.scored_at, "scored_at"),
        pa.array(results.score_ns, pa.int64()),
        repeat(raw.source, "source"),
        repeat(raw.partition, "partition"),
        pa.array(raw.offsets[rows], pa.int64()),
    ]
    outputs = results.outputs
    schema = LEADING
    for field in outputs.schema:
        schema = schema.append(field.with_name(OUTPUT_PREFIX + field.name))
    return pa.RecordBatch.from_arrays([*leading, *outputs.columns], schema=schema)


def identify(batch: Batch, rows: Int64Array) -> pa.Array:
    """Give the ids of rows as text; without one of its own a record's is "source/partition/offset"."""
    raw = batch.raw
    ids = None if batch.ids is None else batch.ids.take(pa.array(rows, pa.int64()))
    if ids is not None and not ids.null_count:
        return ids
    prefix = f"{raw.source}/{raw.partition}/"
    made = pc.binary_join_element_wise(prefix, pa.array(raw.offsets[rows], pa.int64()).cast(pa.string()), "")
    return made if ids is None else pc.coalesce(ids, made)


def read_keys(raw: Raw, rows: Int64Array) -> pa.Array:
    """Give the keys of rows as text, null where there is none."""
    if raw.keys is None:
        return pa.nulls(len(rows), pa.string())
    keys = raw.keys.take(pa.array(rows, pa.int64()))
    try:
        return keys.cast(pa.string())
    except pa.ArrowInvalid:
        texts = [None if key is None else key.decode(errors="backslashreplace") for key in keys.to_pylist()]
        return pa.array(texts, pa.string())
