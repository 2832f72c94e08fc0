"""The first step: bytes to rows by data type and slot, and model messages to the keys that hold their slots.

Rules:

1. Records are decoded an Arrow batch at a time; the rows of one data type travel as one parcel.
2. A key is a data type, a slot and a salt. All records of a partition have one salt, so that their order and what is
   promised along a partition hold; a message goes to all salts. Partition 0 has salt 0, which tells events.
3. A record that cannot be decoded leaves as a dead letter, a message that names no slot as an event. Both pass through
   the keyed step, since a second output would read the source a second time.
4. Times that move the watermark are those between the year 1 and the clock: Spark fails at what it cannot hold, and one
   record far ahead would have all others pass for late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from headrace.core.events import Event, Happening
from headrace.core.timeline import BEGINNING
from headrace.engines.spark.carriage import Kind, write_dead_letters, write_event, write_travelling
from headrace.errors import HeadraceError
from headrace.machinery.clock import now_ms
from headrace.machinery.keys import Keys
from headrace.machinery.parcels import Message, Rows, divide, encode_parcel
from headrace.records import DeadLetters, Malformed, Publish, Raw
from headrace.transports.kafka.parts import decode_part_key

if TYPE_CHECKING:
    from headrace.abc.codec import Codec
    from headrace.core.settings import JoinSettings
    from headrace.records import Command

_PARTS = (
    "it is a part of a model, and parts are not put together here: give serve(parts=True), or [engine] parts = true"
)
_YEAR_1 = -62_135_596_800_000
PLACE = ("source", "partition", "offset", "at")
"""Columns of every record beside what it holds: ``at`` is the source's own time in milliseconds, null without one."""


@dataclass(frozen=True, slots=True)
class RecordDecoder:
    """Reads records; sent to the workers."""

    codec: Codec
    settings: JoinSettings
    salts: int

    def decode(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Give what travels for the records of a task."""
        keys = Keys(self.settings)
        for batch in batches:
            for raw in read_raws(batch):
                yield write_travelling(self._divide(raw, keys))

    def _divide(self, raw: Raw, keys: Keys) -> Iterator[dict[str, object]]:
        batch = self.codec.decode(raw)
        salt = raw.partition % self.salts
        if batch.failures:
            letters = write_dead_letters(DeadLetters(batch, None, batch.failures))
            for row in letters.select(["id", "value"]).to_pylist():
                yield _make(("", ""), salt, Kind.DEAD_LETTER, row["value"].encode(), name=row["id"])
        for data_type, rows in divide(batch):
            parcel, latest = encode_parcel(rows), _latest(rows)
            for key in keys.of_type(data_type):
                yield _make(key, salt, Kind.ROWS, parcel, at=latest)


@dataclass(frozen=True, slots=True)
class MessageRouter:
    """Reads model messages as far as to send them on; sent to the workers."""

    settings: JoinSettings
    salts: int
    command: Callable[[bytes], Command]

    def route(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Give what travels for the messages of a task."""
        keys = Keys(self.settings)
        for batch in batches:
            yield write_travelling(
                each
                for row in batch.to_pylist()
                if row["value"] is not None
                for each in self._send(row["value"], row["offset"], row["at"], keys, row.get("key"))
            )

    def _send(
        self, content: bytes, position: int | None, at: int | None, keys: Keys, name: bytes | None
    ) -> Iterator[dict[str, object]]:
        part = decode_part_key(name)
        if part is not None and part.part:
            return  # its first part has told it
        try:
            command = self.command(content) if part is None else Malformed(_PARTS)
        except HeadraceError as error:
            command = Malformed(str(error))
        if isinstance(command, Malformed):
            told = Event(Happening.REFUSED, now_ms(), -1 if position is None else position, reason=command.reason)
            yield _make(("", ""), 0, Kind.EVENT, write_event(told).encode())
            return
        slot = command.descriptor.slot_key if isinstance(command, Publish) else command.slot
        parcel = encode_parcel(Message(content, position, BEGINNING if at is None else at))
        for salt in range(self.salts):
            yield _make(keys.of_slot(slot), salt, Kind.MESSAGE, parcel, at=at)


def read_raws(batch: pa.RecordBatch) -> Iterator[Raw]:
    """Divide an Arrow batch into those of one partition each, in the order of offsets."""
    sources = batch.column("source").to_numpy(zero_copy_only=False)
    partitions = batch.column("partition").to_numpy()
    places = {(source, partition) for source, partition in zip(sources, partitions.tolist(), strict=True)}
    for source, partition in sorted(places):
        part = batch
        if len(places) > 1:
            part = batch.take(pa.array(np.flatnonzero((sources == source) & (partitions == partition))))
        offsets = part.column("offset").to_numpy()
        if len(offsets) > 1 and (np.diff(offsets) < 0).any():
            part = part.take(pa.array(np.argsort(offsets, kind="stable")))
        yield _make_raw(part, source, partition)


def _make_raw(part: pa.RecordBatch, source: str, partition: int) -> Raw:
    at = part.column("at")
    names = [name for name in part.schema.names if name not in PLACE]
    by_bytes = "value" in names
    keys = part.column("key") if by_bytes else None
    return Raw(
        source,
        partition,
        part.column("offset").to_numpy(),
        part.column("value") if by_bytes else None,
        None if by_bytes else part.select(names),
        None if keys is None or keys.null_count == len(keys) else keys,
        None if at.null_count else at.to_numpy(),
    )


def _latest(rows: Rows) -> int | None:
    latest = int(rows.times.max())
    return None if latest == BEGINNING else latest


def _make(
    key: tuple[str, str], salt: int, kind: Kind, parcel: bytes, *, name: str | None = None, at: int | None = None
) -> dict[str, Any]:
    return {
        "data_type": key[0],
        "slot": key[1],
        "salt": salt,
        "kind": kind.value,
        "id": name,
        "parcel": parcel,
        "at": None if at is None else min(max(at, _YEAR_1), now_ms()),
    }
