"""What the frames hold: the one in which everything travels to the keyed step, and the one that comes out of it.

Rules:

1. Spark has one output, so results, dead letters, events and counts are rows of one frame; ``kind`` tells them apart.
2. ``value`` is the JSON line that every engine writes. ``id`` and ``key`` are the record's, ``data_type`` and ``slot``
   those that were addressed; what does not apply is null.
3. A row of ``counts`` tells what one call came to: results, dead letters and skipped records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from headrace.core.events import describe_event
from headrace.wire.dead_letters import encode_messages
from headrace.wire.results.json import ALL, Selection, encode_json
from headrace.wire.results.table import identify

if TYPE_CHECKING:
    from headrace.core.events import Event
    from headrace.core.join import Outcome
    from headrace.records import DeadLetters, Results, SlotKey


class Kind(StrEnum):
    """What a row is: the first two travel, the others come out."""

    ROWS = "rows"
    MESSAGE = "message"
    RESULT = "result"
    DEAD_LETTER = "dead-letter"
    EVENT = "event"
    COUNTS = "counts"


KEY = ("data_type", "slot", "salt")
TRAVELLING = pa.schema(
    [
        ("data_type", pa.string()),
        ("slot", pa.string()),
        ("salt", pa.int32()),
        ("kind", pa.string()),
        ("id", pa.string()),
        ("parcel", pa.binary()),
        ("at", pa.int64()),
    ]
)
TRAVELLING_DDL = "data_type string, slot string, salt int, kind string, id string, parcel binary, at bigint"
LEAVING = pa.schema(
    [
        ("kind", pa.string()),
        ("data_type", pa.string()),
        ("slot", pa.string()),
        ("id", pa.string()),
        ("key", pa.binary()),
        ("value", pa.string()),
    ]
)
LEAVING_DDL = "kind string, data_type string, slot string, id string, key binary, value string"


def write_travelling(rows: Iterable[Mapping[str, object]]) -> pa.RecordBatch:
    """Write rows that go to the keyed step."""
    return pa.RecordBatch.from_pylist(list(rows), schema=TRAVELLING)


def write_outcome(outcome: Outcome, events: Sequence[Event], selection: Selection = ALL) -> pa.Table:
    """Write what the join gave, and what it came to."""
    batches = [_write_results(results, selection) for results in outcome.results if len(results)]
    batches += [write_dead_letters(letters) for letters in outcome.dead_letters if len(letters)]
    if events:
        batches.append(_write_events(events))
    if outcome:
        batches.append(_write_counts(outcome))
    return pa.Table.from_batches(batches, LEAVING)


def write_dead_letters(letters: DeadLetters) -> pa.RecordBatch:
    """Write dead letters; one too large for a message of Kafka goes without its record and key."""
    messages = encode_messages(letters)
    return _write(
        Kind.DEAD_LETTER,
        letters.slot,
        pa.array([line.decode() for _, line in messages], pa.string()),
        identify(letters.batch, np.array([failure.row for failure in letters.failures], np.int64)),
        pa.array([key for key, _ in messages], pa.binary()),
    )


def _write_results(results: Results, selection: Selection) -> pa.RecordBatch:
    keys = results.batch.raw.keys
    return _write(
        Kind.RESULT,
        results.slot,
        encode_json(results, selection),
        identify(results.batch, results.rows),
        None if keys is None else keys.take(pa.array(results.rows, pa.int64())),
    )


def write_event(event: Event) -> str:
    """Write an event as a line."""
    return msgspec.json.encode(describe_event(event)).decode()


def _write_events(events: Sequence[Event]) -> pa.RecordBatch:
    rows = [
        {
            "kind": Kind.EVENT,
            "data_type": None if event.slot is None else event.slot.data_type,
            "slot": None if event.slot is None else event.slot.name,
            "value": write_event(event),
        }
        for event in events
    ]
    return pa.RecordBatch.from_pylist(rows, schema=LEAVING)


def _write_counts(outcome: Outcome) -> pa.RecordBatch:
    counts = {
        "scored": sum(len(results) for results in outcome.results),
        "dead_lettered": sum(len(letters) for letters in outcome.dead_letters),
        "skipped": sum(outcome.skipped.values()),
    }
    return _write(Kind.COUNTS, None, pa.array([msgspec.json.encode(counts).decode()], pa.string()))


def _write(
    kind: Kind, slot: SlotKey | None, lines: Any, ids: pa.Array | None = None, keys: pa.Array | None = None
) -> pa.RecordBatch:
    count = len(lines)

    def repeat(value: str | None) -> pa.Array:
        return pa.repeat(pa.scalar(value, pa.string()), count)

    columns = [
        repeat(kind),
        repeat(None if slot is None else slot.data_type),
        repeat(None if slot is None else slot.name),
        repeat(None) if ids is None else ids.cast(pa.string()),
        pa.nulls(count, pa.binary()) if keys is None else keys.cast(pa.binary()),
        lines,
    ]
    return pa.RecordBatch.from_arrays(columns, schema=LEAVING)
