"""Records gathered into batches, by lane: what a batch costs is paid once for all of its records.

Rules:

1. A lane is a source's partition, or one of the parts that it is divided into. Its records keep their order.
2. A batch leaves when it is full, when its first record has waited for ``delay``, or at the end of time; where models
   switch by time also before the watermark passes its earliest record.
3. What is gathered is in the state: a failure loses none of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
from pyflink.datastream.state import ListStateDescriptor

from headrace.core.timeline import BEGINNING, END
from headrace.engines.flink.manner import BYTES, LAST, read_record, read_time
from headrace.records import Raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.engines.flink.manner import Manner
    from headrace.machinery.elements import RecordElement

_SEPARATOR = "\x1f"
Kept = tuple[int, int, bytes | None, bytes | None]
"""A record's offset, time, key and value."""
_DECODER = msgspec.msgpack.Decoder(Kept)
_ENCODER = msgspec.msgpack.Encoder()


class Lanes:
    """Finds the lane of a record. A partition is divided into ``parts`` by turns, record by record."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._turn = 0

    def __call__(self, element: Any) -> str:
        """Give the lane."""
        record = read_record(element)
        self._turn = (self._turn + 1) % self._parts
        return f"{record.source}{_SEPARATOR}{record.partition}{_SEPARATOR}{self._turn}"


def part_of(lane: str) -> int:
    """Give which part of its partition a lane is."""
    return int(lane.rpartition(_SEPARATOR)[2])


@dataclass(slots=True)
class _Pile:
    """The records of one lane that wait to leave together."""

    records: list[Kept] = field(default_factory=list)
    earliest: int = END


class Gathering:
    """The piles of one task, by lane."""

    def __init__(self, manner: Manner, runtime: Any) -> None:
        self._manner = manner
        self._by_time = manner.goes_by_time
        self._piles: dict[str, _Pile] = {}
        self._state = runtime.get_list_state(ListStateDescriptor("gathered", BYTES))

    def add(self, lane: str, element: Any, ctx: Any) -> Raw | None:
        """Take in a record; give the batch where it is full."""
        pile = self._find(lane)
        record, time = read_record(element), read_time(ctx.timestamp())
        if not pile.records:
            timers = ctx.timer_service()
            timers.register_processing_time_timer(timers.current_processing_time() + self._manner.delay)
            timers.register_event_time_timer(LAST)
        if self._by_time and BEGINNING < time < pile.earliest:
            ctx.timer_service().register_event_time_timer(time)
        kept = _keep(record, time)
        pile.records.append(kept)
        pile.earliest = min(pile.earliest, time)
        self._state.add(_ENCODER.encode(kept))
        return self.take(lane) if len(pile.records) >= self._manner.batch_records else None

    def take(self, lane: str) -> Raw | None:
        """Give what a lane has gathered, or None."""
        pile = self._find(lane)
        if not pile.records:
            return None
        self._state.clear()
        self._piles[lane] = _Pile()
        return _make_raw(lane, pile.records)

    def _find(self, lane: str) -> _Pile:
        pile = self._piles.get(lane)
        if pile is None:
            records = [_DECODER.decode(kept) for kept in self._state.get() or ()]
            pile = self._piles[lane] = _Pile(records, min((time for _, time, _, _ in records), default=END))
        return pile


def _keep(record: RecordElement, time: int) -> Kept:
    return (record.offset, time, record.key, record.value)


def _make_raw(lane: str, records: Sequence[Kept]) -> Raw:
    source, partition, _ = lane.rsplit(_SEPARATOR, 2)
    offsets, times, keys, values = zip(*records, strict=True)
    written = pa.array(keys, pa.binary())
    return Raw(
        source,
        int(partition),
        np.array(offsets, np.int64),
        pa.array(values, pa.binary()),
        keys=None if written.null_count == len(written) else written,
        timestamps=None if BEGINNING in times else np.array(times, np.int64),
    )


def write_raw(raw: Raw, start: int) -> bytes:
    """Write the records of a batch from ``start`` on as they came."""
    lane = f"{raw.source}{_SEPARATOR}{raw.partition}{_SEPARATOR}0"
    count = len(raw) - start
    times = [BEGINNING] * count if raw.timestamps is None else raw.timestamps[start:].tolist()
    keys = [None] * count if raw.keys is None else raw.keys.slice(start).to_pylist()
    values = [None] * count if raw.values is None else raw.values.slice(start).to_pylist()
    records = list(zip(raw.offsets[start:].tolist(), times, keys, values, strict=True))
    return _ENCODER.encode((lane, records))


def read_raw(written: bytes) -> Raw:
    """Read records that were written so."""
    lane, records = msgspec.msgpack.decode(written, type=tuple[str, list[Kept]])
    return _make_raw(lane, records)
