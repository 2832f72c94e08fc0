"""Messages of a topic to batches of bytes: columns at once, without a step of Python for each record.

The methods of the client's messages are mapped over a piece of a batch; values of all partitions share one buffer. A
piece is as many messages as a processor's cache holds: made at once for a batch of 10,000, they are read from memory
again and again, at two thirds of the rate.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from confluent_kafka import Message

from headrace.records import Raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.core.partition import PartitionKey
    from headrace.records import Int64Array

_Columns = tuple["Int64Array", pa.Array, pa.Array | None, "Int64Array"]
PIECE = 2_500
_MILLISECONDS = itemgetter(1)


def build_raws(messages: Sequence[Any], topic: str = "") -> list[Raw]:
    """Make one batch for each partition that messages came from, in their order.

    ``topic`` names the topic where all are known to be of one.
    """
    if not messages:
        return []
    columns = _read_columns(messages)
    rows_of = _find_partitions(messages, topic)
    if len(rows_of) == 1:
        return [_build(next(iter(rows_of)), *columns)]
    return [_build(each, *_take(columns, rows)) for each, rows in rows_of.items()]


def join_raws(pieces: Sequence[list[Raw]]) -> list[Raw]:
    """Make one batch for each partition out of those of several pieces, in their order."""
    if len(pieces) == 1:
        return pieces[0]
    found: dict[PartitionKey, list[Raw]] = {}
    for raw in (each for piece in pieces for each in piece):
        found.setdefault((raw.source, raw.partition), []).append(raw)
    return [_join(key, raws) for key, raws in found.items()]


def _join(key: PartitionKey, raws: list[Raw]) -> Raw:
    if len(raws) == 1:
        return raws[0]
    keyed = any(raw.keys is not None for raw in raws)
    keys = [pa.nulls(len(raw), pa.binary()) if raw.keys is None else raw.keys for raw in raws] if keyed else []
    return _build(
        key,
        np.concatenate([raw.offsets for raw in raws]),
        pa.concat_arrays([raw.values for raw in raws]),
        pa.concat_arrays(keys) if keyed else None,
        np.concatenate([raw.timestamps for raw in raws]),
    )


def _read_columns(messages: Sequence[Any]) -> _Columns:
    count = len(messages)
    offsets = np.fromiter(map(Message.offset, messages), np.int64, count)
    values = pa.array(list(map(Message.value, messages)), pa.binary())
    keys = list(map(Message.key, messages))
    times = np.fromiter(map(_MILLISECONDS, map(Message.timestamp, messages)), np.int64, count)
    return offsets, values, None if keys.count(None) == count else pa.array(keys, pa.binary()), times


def _find_partitions(messages: Sequence[Any], topic: str) -> dict[PartitionKey, Int64Array]:
    """Give the rows of each partition, by the order in which the partitions come first."""
    numbers = np.fromiter(map(Message.partition, messages), np.int64, len(messages))
    topics: list[Any] = [] if topic else list(map(Message.topic, messages))
    topic = topic or (topics[0] if topics.count(topics[0]) == len(topics) else "")
    if topic:
        return {(topic, int(number)): np.flatnonzero(numbers == number) for number in np.unique(numbers)}
    rows: dict[PartitionKey, list[int]] = {}
    for row, key in enumerate(zip(topics, numbers.tolist(), strict=True)):
        rows.setdefault(key, []).append(row)
    return {key: np.array(each, np.int64) for key, each in rows.items()}


def _take(columns: _Columns, rows: Int64Array) -> _Columns:
    offsets, values, keys, times = columns
    if rows[-1] - rows[0] + 1 == len(rows):
        start, count = int(rows[0]), len(rows)
        cut = slice(start, start + count)
        return offsets[cut], values.slice(start, count), None if keys is None else keys.slice(start, count), times[cut]
    places = pa.array(rows)
    return offsets[rows], values.take(places), None if keys is None else keys.take(places), times[rows]


def _build(key: PartitionKey, offsets: Int64Array, values: pa.Array, keys: pa.Array | None, times: Int64Array) -> Raw:
    return Raw(*key, offsets, values=values, keys=keys, timestamps=times)
