"""Messages of one topic sent on to another: each once, however often that is asked for and wherever it is cut off.

Rules:

1. How far it has come lies in the cluster: as the offsets of a consumer group, committed in the transaction that sends.
2. The group's name is the transactional id as well: whoever begins later fences off whoever is still at it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, TopicPartition

from headrace.errors import SinkError, SourceError
from headrace.transports.kafka.reading import READ, read_to_end
from headrace.transports.kafka.topics import need_topic

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, Producer

    from headrace.transports.kafka.connection import Connection

_TOGETHER = 10_000
"""Messages that are read between two commits."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What a message becomes; ``timestamp`` in milliseconds, None: the time at which it is sent."""

    value: bytes
    key: bytes | None = None
    timestamp: int | None = None
    headers: list[tuple[str, str | bytes | None]] = field(default_factory=list)


def forward(
    connection: Connection, source: str, target: str, name: str, select: Callable[[Message], Forwarded | None]
) -> int:
    """Send on what ``select`` makes of the messages that no earlier call of this name has read; give how many.

    Raises ``SourceError`` where a topic is absent or cannot be read, and ``SinkError`` where it cannot be written.
    """
    count = need_topic(connection, source).partitions
    need_topic(connection, target)
    reader = connection.open_reader({**READ, "group.id": name})
    producer = connection.open_producer({"transactional.id": name})
    try:
        producer.init_transactions(connection.seconds)
        reader.assign(_find_place(connection, reader, source, count))
        messages = read_to_end(connection, source, reader, count)
        sent = 0
        while together := list(islice(messages, _TOGETHER)):
            sent += _send(producer, reader, target, together, select)
    except KafkaException as error:
        right = f"the group and the transactional id {name!r}, and to write to {target!r}"
        raise connection.fail(SinkError, f"cannot send on to the topic {target!r}", error, right) from error
    finally:
        reader.close()
    return sent


def _find_place(connection: Connection, reader: Consumer, topic: str, count: int) -> list[TopicPartition]:
    """Give where to begin: where the last one has ended, else at the beginning."""
    try:
        return reader.committed([TopicPartition(topic, number) for number in range(count)], connection.seconds)
    except KafkaException as error:
        raise connection.fail(SourceError, f"cannot tell how far {topic!r} was sent on", error) from error


def _send(
    producer: Producer,
    reader: Consumer,
    target: str,
    messages: Sequence[Message],
    select: Callable[[Message], Forwarded | None],
) -> int:
    """Send what messages become, and commit their offsets, in one transaction."""
    chosen = [made for made in map(select, messages) if made is not None]
    ends = [_follow(message) for message in {each.partition(): each for each in messages}.values()]
    producer.begin_transaction()
    for made in chosen:
        producer.produce(target, made.value, made.key, timestamp=made.timestamp or 0, headers=made.headers)
    producer.send_offsets_to_transaction(ends, reader.consumer_group_metadata())
    producer.commit_transaction()
    return len(chosen)


def _follow(message: Message) -> TopicPartition:
    """Give the place after a message."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return TopicPartition(topic, partition, offset + 1)
