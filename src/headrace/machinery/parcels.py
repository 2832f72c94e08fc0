"""What travels between the workers, and how it is written: rows of one data type as columns, and model messages.

Rules:

1. Rows are written by Arrow, messages as the bytes that they came as: nothing is pickled.
2. The first byte tells rows from a message. Both ends of a pipeline are of one version, so nothing else is promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from headrace.core.timeline import BEGINNING
from headrace.records import Batch, Group, Raw

if TYPE_CHECKING:
    from headrace.records import Int64Array

UNNUMBERED = -1
"""The offset of a record that has none."""

_ROWS, _MESSAGE = b"R", b"M"
_META = pa.schema(
    [
        ("offset", pa.int64()),
        ("value", pa.binary()),
        ("key", pa.binary()),
        ("timestamp", pa.int64()),
        ("time", pa.int64()),
        ("id", pa.string()),
    ]
)


class Parcel:
    """What the keyed step takes in."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows(Parcel):
    """Decoded records of one data type, from one partition: a batch of exactly one group and no failures."""

    batch: Batch

    @property
    def times(self) -> Int64Array:
        """The records' event times, ``BEGINNING`` for those that have none."""
        times = self.batch.times
        return np.full(len(self.batch), BEGINNING, np.int64) if times is None else times

    def select(self, rows: Int64Array) -> Rows:
        """Give some of the rows, in the order of ``rows``."""
        raw, wanted = self.batch.raw, pa.array(rows, pa.int64())
        group = self.batch.groups[0]
        return make_rows(
            replace(
                raw,
                offsets=raw.offsets[rows],
                values=None if raw.values is None else raw.values.take(wanted),
                table=None if raw.table is None else raw.table.take(wanted),
                keys=None if raw.keys is None else raw.keys.take(wanted),
                timestamps=None if raw.timestamps is None else raw.timestamps[rows],
            ),
            group.data_type,
            group.columns.take(wanted),
            None if self.batch.ids is None else self.batch.ids.take(wanted),
            None if self.batch.times is None else self.batch.times[rows],
        )

    def number(self, first: int) -> Rows:
        """Give the rows the offsets from ``first`` on."""
        raw = replace(self.batch.raw, offsets=np.arange(first, first + len(self.batch), dtype=np.int64))
        return Rows(replace(self.batch, raw=raw))


@dataclass(frozen=True, slots=True)
class Message(Parcel):
    """A message of the model stream; ``position`` None: the order of arrival. ``appended_at`` is milliseconds."""

    content: bytes
    position: int | None
    appended_at: int


def make_rows(
    raw: Raw, data_type: str, columns: pa.RecordBatch, ids: pa.Array | None, times: Int64Array | None
) -> Rows:
    """Make rows of one data type."""
    return Rows(Batch(raw, (Group(data_type, np.arange(len(raw)), columns),), ids=ids, times=times))


def divide(batch: Batch) -> list[tuple[str, Rows]]:
    """Divide a decoded batch into the rows of each data type."""
    whole = Rows(batch)
    parts = []
    for group in batch.groups:
        raw = batch.raw
        if raw.table is None and len(group.rows) == len(raw):
            parts.append((group.data_type, whole))
            continue
        wanted = pa.array(group.rows, pa.int64())
        part = replace(
            raw,
            offsets=raw.offsets[group.rows],
            values=None if raw.values is None or raw.table is not None else raw.values.take(wanted),
            table=None if raw.table is None else group.columns,
            keys=None if raw.keys is None else raw.keys.take(wanted),
            timestamps=None if raw.timestamps is None else raw.timestamps[group.rows],
        )
        ids = None if batch.ids is None else batch.ids.take(wanted)
        times = None if batch.times is None else batch.times[group.rows]
        parts.append((group.data_type, make_rows(part, group.data_type, group.columns, ids, times)))
    return parts


class _Header(msgspec.Struct, frozen=True):
    """What rows have in common, and which of their parts are there."""

    source: str
    partition: int
    data_type: str
    table: bool
    present: list[str]


class _MessageHeader(msgspec.Struct, frozen=True):
    position: int | None
    appended_at: int


def encode_parcel(parcel: Parcel) -> bytes:
    """Write a parcel."""
    if isinstance(parcel, Message):
        return _join(_MESSAGE, _MessageHeader(parcel.position, parcel.appended_at), parcel.content)
    assert isinstance(parcel, Rows)
    batch, raw = parcel.batch, parcel.batch.raw
    parts: dict[str, pa.Array | None] = {
        "offset": pa.array(raw.offsets, pa.int64()),
        "value": None if raw.values is None else raw.values.cast(pa.binary()),
        "key": None if raw.keys is None else raw.keys.cast(pa.binary()),
        "timestamp": None if raw.timestamps is None else pa.array(raw.timestamps, pa.int64()),
        "time": None if batch.times is None else pa.array(batch.times, pa.int64()),
        "id": batch.ids,
    }
    present = [name for name, column in parts.items() if column is not None]
    group = batch.groups[0]
    header = _Header(raw.source, raw.partition, group.data_type, raw.table is not None, present)
    meta = pa.RecordBatch.from_arrays(
        [parts[name] for name in present], schema=pa.schema([_META.field(name) for name in present])
    )
    first = _write(meta)
    return _join(_ROWS, header, len(first).to_bytes(8) + first + _write(group.columns))


def decode_parcel(encoded: bytes) -> Parcel:
    """Read a parcel."""
    length = int.from_bytes(encoded[1:5])
    header, body = encoded[5 : 5 + length], encoded[5 + length :]
    if encoded[:1] == _MESSAGE:
        told = msgspec.msgpack.decode(header, type=_MessageHeader)
        return Message(body, told.position, told.appended_at)
    about = msgspec.msgpack.decode(header, type=_Header)
    middle = 8 + int.from_bytes(body[:8])
    meta, columns = _read(body[8:middle]), _read(body[middle:])
    found = {name: meta.column(index) for index, name in enumerate(about.present)}
    raw = Raw(
        about.source,
        about.partition,
        found["offset"].to_numpy(),
        found.get("value"),
        columns if about.table else None,
        found.get("key"),
        found["timestamp"].to_numpy() if "timestamp" in found else None,
    )
    times = found["time"].to_numpy() if "time" in found else None
    return make_rows(raw, about.data_type, columns, found.get("id"), times)


def order_messages(parcels: Sequence[Parcel]) -> list[Message]:
    """Give the messages among parcels, in the order of their positions, those without one last."""
    messages = [parcel for parcel in parcels if isinstance(parcel, Message)]
    return sorted(messages, key=lambda each: (each.position is None, each.position or 0, each.appended_at))


def _join(kind: bytes, header: msgspec.Struct, body: bytes) -> bytes:
    written = msgspec.msgpack.encode(header)
    return kind + len(written).to_bytes(4) + written + body


def _write(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _read(content: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(content) as reader:
        return reader.read_next_batch()
