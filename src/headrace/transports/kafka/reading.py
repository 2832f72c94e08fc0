"""A topic's committed messages as they are now: all of them, or the last ones."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from headrace.errors import SourceError
from headrace.transports.kafka.topics import need_topic
from headrace.transports.kafka.troubles import END, FINAL, LATE, TELLING

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

    from headrace.transports.kafka.connection import Connection

_MOST = 10_000
_WAIT = 0.5
READ = {
    "auto.offset.reset": "earliest",
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 50,
    "fetch.queue.backoff.ms": 1,
    "isolation.level": "read_committed",
}


def read_messages(connection: Connection, topic: str) -> Iterator[Message]:
    """Give every message that a topic holds, in the order of each partition. Raises ``SourceError``."""
    count = need_topic(connection, topic).partitions
    yield from _read(connection, topic, dict.fromkeys(range(count), OFFSET_BEGINNING))


def read_last_messages(connection: Connection, topic: str, most: int) -> list[Message]:
    """Give the last messages of a topic by the broker's times, newest first. Raises ``SourceError``.

    Offsets of control records and of what was compacted or aborted hold no message: it is looked further back until
    there are enough.
    """
    if most < 1:
        return []
    count = need_topic(connection, topic).partitions
    ends = _find_ends(connection, topic, count)
    reach = 2 * most + 10
    while True:
        starts = {number: max(low, high - reach) for number, (low, high) in ends.items()}
        found = list(_read(connection, topic, starts))
        if len(found) >= most or all(starts[number] == low for number, (low, _) in ends.items()):
            break
        reach *= 8
    found.sort(key=lambda each: (each.timestamp()[1], each.offset() or 0))
    return found[::-1][:most]


class Tail:
    """The messages that come to a topic from now on."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection, self._topic = connection, topic
        ends = _find_ends(connection, topic, need_topic(connection, topic).partitions)
        self._reader = connection.open_reader(READ)
        self._reader.assign([TopicPartition(topic, number, high) for number, (_, high) in ends.items()])

    def read(self) -> list[Message]:
        """Give what came since the last call, without waiting. Raises ``SourceError`` where the topic is gone."""
        found = self._reader.consume(_MOST, 0)
        for message in found:
            error = message.error()
            if error is not None and error.code() in FINAL | TELLING:
                raise self._connection.fail(SourceError, f"cannot give the topic {self._topic!r}", error)
        return [message for message in found if message.error() is None]

    def close(self) -> None:
        """End."""
        self._reader.close()


def _find_ends(connection: Connection, topic: str, count: int) -> dict[int, tuple[int, int]]:
    reader = connection.open_reader(READ)
    try:
        return {
            number: reader.get_watermark_offsets(TopicPartition(topic, number), timeout=connection.seconds)
            for number in range(count)
        }
    except KafkaException as error:
        raise connection.fail(SourceError, f"cannot give the topic {topic!r}", error) from error
    finally:
        reader.close()


def _read(connection: Connection, topic: str, starts: Mapping[int, int]) -> Iterator[Message]:
    reader = connection.open_reader(READ)
    try:
        reader.assign([TopicPartition(topic, number, start) for number, start in starts.items()])
        yield from read_to_end(connection, topic, reader, len(starts))
    finally:
        reader.close()


def read_to_end(connection: Connection, topic: str, reader: Consumer, left: int) -> Iterator[Any]:
    """Give what a reader made with ``READ`` finds to the end of its ``left`` partitions. Raises ``SourceError``."""
    until = time.monotonic() + connection.seconds
    while left:
        for message in reader.consume(_MOST, _WAIT):
            error = message.error()
            until = time.monotonic() + connection.seconds
            if error is None:
                yield message
            elif error.code() == END:
                left -= 1
            elif error.code() in FINAL | TELLING:
                raise connection.fail(SourceError, f"cannot give the topic {topic!r}", error)
        if left and time.monotonic() > until:
            raise connection.fail(SourceError, f"does not give the topic {topic!r} to its end", LATE)
