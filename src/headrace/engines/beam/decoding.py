"""The first step: bytes to rows by data type and slot, and model messages to the keys that hold their slots.

Rules:

1. Records are decoded a batch at a time: what came in one bundle, up to ``batch_records``.
2. A record that cannot be decoded is a dead letter here, a message that names no slot an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow, TimestampedValue
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from headrace.core.events import Event, Happening
from headrace.core.timeline import BEGINNING
from headrace.errors import HeadraceError
from headrace.machinery.clock import now_ms
from headrace.machinery.elements import (
    UNNUMBERED,
    Form,
    ModelElement,
    RecordElement,
    write_dead_letters,
    write_events,
)
from headrace.machinery.keys import Key, Keys
from headrace.machinery.parcels import Message, Parcel, divide
from headrace.records import DeadLetters, Malformed, Publish, Raw
from headrace.transports.objects import Table

if TYPE_CHECKING:
    from headrace.abc.codec import Codec
    from headrace.core.settings import JoinSettings
    from headrace.records import Command

DEAD_LETTERS, EVENTS = "dead_letters", "events"

Keyed = tuple[Key, Parcel]
_GLOBAL = (GlobalWindow(),)


def to_milliseconds(timestamp: Timestamp) -> int:
    """Give a timestamp of Beam in milliseconds; the beginning of time is ``BEGINNING``."""
    return BEGINNING if timestamp <= MIN_TIMESTAMP else int(timestamp.micros // 1_000)


class _Pile:
    """The records of one partition that wait to be decoded."""

    def __init__(self) -> None:
        self.records: list[RecordElement | Mapping[str, object]] = []
        self.times: list[int] = []
        self.since = Timestamp(micros=2**62)

    def add(self, record: RecordElement | Mapping[str, object], timestamp: Timestamp) -> None:
        """Take in a record."""
        self.records.append(record)
        self.times.append(to_milliseconds(timestamp))
        self.since = min(self.since, timestamp)

    def make_raw(self, source: str, partition: int) -> Raw:
        """Give the records as a batch; a mapping is a row of a table."""
        timestamps = None if BEGINNING in self.times else np.array(self.times, np.int64)
        if not isinstance(self.records[0], RecordElement):
            table, unfit = Table().build(self.records)
            offsets = np.full(len(self.records), UNNUMBERED, np.int64)
            return Raw(source, partition, offsets, unfit, table, timestamps=timestamps)
        elements = [record for record in self.records if isinstance(record, RecordElement)]
        keys = pa.array([record.key for record in elements], pa.binary())
        return Raw(
            source,
            partition,
            np.array([record.offset for record in elements], np.int64),
            pa.array([record.value for record in elements], pa.binary()),
            keys=None if keys.null_count == len(keys) else keys,
            timestamps=timestamps,
        )


class DecodeRecords(beam.DoFn):
    """Bytes, ``RecordElement`` or mappings to keyed rows; dead letters as a tagged output."""

    def __init__(self, codec: Codec, settings: JoinSettings, batch_records: int, form: Form) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._codec, self._keys = codec, Keys(settings)
        self._most, self._form = batch_records, form
        self._piles: dict[tuple[str, int, bool], _Pile] = {}
        self._dead_letters = Metrics.counter("headrace", "undecoded")

    def start_bundle(self) -> None:
        """Begin with nothing."""
        self._piles = {}

    def process(
        self,
        element: bytes | RecordElement | Mapping[str, object],
        timestamp: Timestamp = beam.DoFn.TimestampParam,  # type: ignore[assignment]
    ) -> Iterator[object]:
        """Take in a record; decode when a batch is full."""
        record = RecordElement(element) if isinstance(element, bytes) else element
        place = (record.source, record.partition, True) if isinstance(record, RecordElement) else ("records", 0, False)
        pile = self._piles.setdefault(place, _Pile())
        pile.add(record, timestamp)
        if len(pile.records) >= self._most:
            del self._piles[place]
            for value in self._decode(pile, place):
                yield value if isinstance(value, TaggedOutput) else TimestampedValue(value.value, pile.since)

    def finish_bundle(self) -> Iterator[object]:
        """Decode what is left of the bundle."""
        for place, pile in self._piles.items():
            for value in self._decode(pile, place):
                if isinstance(value, TaggedOutput):
                    yield TaggedOutput(value.tag, WindowedValue(value.value, pile.since, _GLOBAL))
                else:
                    yield value
        self._piles = {}

    def _decode(self, pile: _Pile, place: tuple[str, int, bool]) -> Iterator[TaggedOutput[Any, Any] | WindowedValue]:
        batch = self._codec.decode(pile.make_raw(place[0], place[1]))
        if batch.failures:
            self._dead_letters.inc(len(batch.failures))
            for letter in write_dead_letters(DeadLetters(batch, None, batch.failures), self._form):
                yield TaggedOutput(DEAD_LETTERS, letter)
        for data_type, rows in divide(batch):
            for key in self._keys.of_type(data_type):
                yield WindowedValue((key, rows), pile.since, _GLOBAL)


class RouteModels(beam.DoFn):
    """Model messages to the keys that hold their slots; what is no message is an event."""

    def __init__(self, settings: JoinSettings, form: Form, decode: Callable[[bytes], Command]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._keys, self._form, self._decode = Keys(settings), form, decode

    def process(
        self,
        element: bytes | ModelElement,
        timestamp: Timestamp = beam.DoFn.TimestampParam,  # type: ignore[assignment]
    ) -> Iterator[object]:
        """Send a message on."""
        content, position = (element, None) if isinstance(element, bytes) else (element.message, element.position)
        try:
            command = self._decode(content)
        except HeadraceError as error:
            command = Malformed(str(error))
        if isinstance(command, Malformed):
            told = Event(Happening.REFUSED, now_ms(), -1 if position is None else position, reason=command.reason)
            for event in write_events([told], self._form):
                yield TaggedOutput(EVENTS, event)
            return
        slot = command.descriptor.slot_key if isinstance(command, Publish) else command.slot
        yield self._keys.of_slot(slot), Message(content, position, to_milliseconds(timestamp))
