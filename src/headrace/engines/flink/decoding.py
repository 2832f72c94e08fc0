"""The first steps: records to rows by key, and model messages to the keys that hold their slots.

A record that cannot be decoded is a dead letter here, a message that names no slot an event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from pyflink.common import Row
from pyflink.datastream import KeyedProcessFunction, ProcessFunction

from headrace.core.events import Event, Happening
from headrace.engines.flink.gathering import Gathering, part_of
from headrace.engines.flink.gauges import Gauges
from headrace.engines.flink.manner import read_message, read_time
from headrace.errors import HeadraceError
from headrace.machinery.clock import now_ms
from headrace.machinery.elements import write_dead_letters, write_events
from headrace.machinery.keys import Keys
from headrace.machinery.parcels import Message, divide, encode_parcel
from headrace.records import DeadLetters, Malformed, Publish

if TYPE_CHECKING:
    from headrace.abc.codec import Codec
    from headrace.engines.flink.manner import Manner
    from headrace.machinery.keys import Key
    from headrace.machinery.parcels import Rows
    from headrace.records import Raw


def write_key(key: Key, part: int) -> str:
    """Write a key and which part of its records is meant."""
    return msgspec.json.encode((*key, part)).decode()


def read_key(written: str) -> Key:
    """Read a key."""
    data_type, name, _ = msgspec.json.decode(written, type=tuple[str, str, int])
    return data_type, name


class Decoder:
    """Decodes batches, and gives their failures as dead letters."""

    def __init__(self, manner: Manner, codec: Codec, runtime: Any) -> None:
        self._codec, self._form, self._tag = codec, manner.form, manner.dead_letters
        self._gauges = Gauges(runtime.get_metrics_group().add_group("headrace"))

    def decode(self, raw: Raw) -> tuple[list[tuple[str, Rows]], list[object]]:
        """Give the rows of each data type, and what goes to the side output."""
        batch = self._codec.decode(raw)
        if not batch.failures:
            return divide(batch), []
        self._gauges.add("undecoded", len(batch.failures))
        letters = write_dead_letters(DeadLetters(batch, None, batch.failures), self._form)
        return divide(batch), [(self._tag, letter) for letter in letters]


class DecodeRecords(KeyedProcessFunction):
    """Records to keyed rows. ``salt`` is how many keys share the records of a slot."""

    def __init__(self, manner: Manner, codec: Codec, salt: int) -> None:
        self._manner, self._codec, self._salt = manner, codec, salt
        self._keys = Keys(manner.settings)

    def open(self, runtime_context: Any) -> None:
        """Find the state."""
        self._gathering = Gathering(self._manner, runtime_context)
        self._decoder = Decoder(self._manner, self._codec, runtime_context)

    def process_element(self, value: Any, ctx: Any) -> Iterator[object]:
        """Take in a record."""
        lane = ctx.get_current_key()
        raw = self._gathering.add(lane, value, ctx)
        if raw is not None:
            yield from self._decode(lane, raw)

    def on_timer(self, _: int, ctx: Any) -> Iterator[object]:
        """Let a batch go that has waited long enough."""
        lane = ctx.get_current_key()
        raw = self._gathering.take(lane)
        if raw is not None:
            yield from self._decode(lane, raw)

    def _decode(self, lane: str, raw: Raw) -> Iterator[object]:
        parts, lost = self._decoder.decode(raw)
        yield from lost
        for data_type, rows in parts:
            written = encode_parcel(rows)
            for key in self._keys.of_type(data_type):
                yield Row(write_key(key, part_of(lane) % self._salt), written)


class RouteModels(ProcessFunction):
    """Model messages to the keys that hold their slots, each of the ``salt`` keys of a slot."""

    def __init__(self, manner: Manner, salt: int) -> None:
        self._manner, self._salt = manner, salt
        self._keys = Keys(manner.settings)

    def process_element(self, value: Any, ctx: Any) -> Iterator[object]:
        """Send a message on."""
        content, position = read_message(value)
        try:
            command = self._manner.decode(content)
        except HeadraceError as error:
            command = Malformed(str(error))
        if isinstance(command, Malformed):
            told = Event(Happening.REFUSED, now_ms(), -1 if position is None else position, reason=command.reason)
            for event in write_events([told], self._manner.form):
                yield self._manner.events, event
            return
        slot = command.descriptor.slot_key if isinstance(command, Publish) else command.slot
        written = encode_parcel(Message(content, position, read_time(ctx.timestamp())))
        for part in range(self._salt):
            yield Row(write_key(self._keys.of_slot(slot), part), written)
