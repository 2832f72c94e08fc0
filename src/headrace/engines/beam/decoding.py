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
_Place = tuple[type, str, int]
_OF_BYTES: _Place = (bytes, "records", 0)
_OF_MAPPINGS: _Place = (Mapping, "records", 0)
_BEGINNING = MIN_TIMESTAMP.micros
_GLOBAL = (GlobalWindow(),)


def to_milliseconds(timestamp: Timestamp) -> int:
    """Give a timestamp of Beam in milliseconds; the beginning of time is ``BEGINNING``."""
    return BEGINNING if timestamp <= MIN_TIMESTAMP else int(timestamp.micros // 1_000)


class _Pile:
    """The records of one kind and partition that wait to be decoded, with their times in microseconds."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.records: list[Any] = []
        self.times: list[int] = []

    @property
    def since(self) -> Timestamp:
        """The earliest of their times."""
        return Timestamp(micros=min(self.times))

    def make_raw(self, source: str, partition: int) -> Raw:
        """Give the records as a batch; a mapping is a row of a table."""
        times = np.array(self.times, np.int64)
        timestamps = None if (times <= _BEGINNING).any() else times // 1_000
        unnumbered = np.full(len(times), UNNUMBERED, np.int64)
        if self._kind is Mapping:
            table, unfit = Table().build(self.records)
            return Raw(source, partition, unnumbered, unfit, table, timestamps=timestamps)
        if self._kind is bytes:
            return Raw(source, partition, unnumbered, pa.array(self.records, pa.binary()), timestamps=timestamps)
        keys = pa.array([record.key for record in self.records], pa.binary())
        return Raw(
            source,
            partition,
            np.array([record.offset for record in self.records], np.int64),
            pa.array([record.value for record in self.records], pa.binary()),
            keys=None if keys.null_count == len(keys) else keys,
            timestamps=timestamps,
        )


class DecodeRecords(beam.DoFn):
    """Bytes, ``RecordElement`` or mappings to keyed rows; dead letters as a tagged output."""

    def __init__(self, codec: Codec, settings: JoinSettings, batch_records: int, form: Form) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._codec, self._keys = codec, Keys(settings)
        self._most, self._form = batch_records, form
        self._piles: dict[_Place, _Pile] = {}
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
        if isinstance(element, RecordElement):
            place: _Place = (RecordElement, element.source, element.partition)
        else:
            place = _OF_BYTES if isinstance(element, bytes) else _OF_MAPPINGS
        pile = self._piles.get(place)
        if pile is None:
            pile = self._piles[place] = _Pile(place[0])
        pile.records.append(element)
        pile.times.append(timestamp.micros)
        if len(pile.records) >= self._most:
            del self._piles[place]
            since = pile.since
            for value in self._decode(pile, place, since):
                yield value if isinstance(value, TaggedOutput) else TimestampedValue(value.value, since)

    def finish_bundle(self) -> Iterator[object]:
        """Decode what is left of the bundle."""
        for place, pile in self._piles.items():
            since = pile.since
            for value in self._decode(pile, place, since):
                if isinstance(value, TaggedOutput):
                    yield TaggedOutput(value.tag, WindowedValue(value.value, since, _GLOBAL))
                else:
                    yield value
        self._piles = {}

    def _decode(self, pile: _Pile, place: _Place, since: Timestamp) -> Iterator[TaggedOutput[Any, Any] | WindowedValue]:
        batch = self._codec.decode(pile.make_raw(*place[1:]))
        if batch.failures:
            self._dead_letters.inc(len(batch.failures))
            for letter in write_dead_letters(DeadLetters(batch, None, batch.failures), self._form):
                yield TaggedOutput(DEAD_LETTERS, letter)
        for data_type, rows in divide(batch):
            for key in self._keys.of_type(data_type):
                yield WindowedValue((key, rows), since, _GLOBAL)


class RouteModels(beam.DoFn):
    """Model messages to the keys that hold their slots; what is no message is an event.

    Where they have to be ``numbered``, so is one without a position.
    """

    def __init__(
        self, settings: JoinSettings, form: Form, decode: Callable[[bytes], Command], *, numbered: bool
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._keys, self._form, self._decode, self._numbered = Keys(settings), form, decode, numbered

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
        if self._numbered and position is None:
            command = Malformed("it has no position, and a side input has no order: give a ModelElement with one")
        if isinstance(command, Malformed):
            told = Event(Happening.REFUSED, now_ms(), -1 if position is None else position, reason=command.reason)
            for event in write_events([told], self._form):
                yield TaggedOutput(EVENTS, event)
            return
        slot = command.descriptor.slot_key if isinstance(command, Publish) else command.slot
        yield self._keys.of_slot(slot), Message(content, position, to_milliseconds(timestamp))
