"""This instance in its consumer group: which partitions are its own, and the records of these.

Rules:

1. Assignments are cooperative: what stays is not interrupted. The ``Owner`` commits before it gives a partition away,
   and has brought back what is kept of a partition before its first record is read.
2. A partition begins where the owner says, never where a client's default would: a committed offset that is no longer
   there is not passed over silently.
3. A batch may hold records of a partition that was given away while it was fetched, or that were read before: they are
   left out.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from headrace.engines.kafka.batches import PIECE, build_raws, join_raws
from headrace.engines.kafka.client import LapseError
from headrace.errors import SourceError
from headrace.transports.kafka.troubles import END, FINAL, TELLING, error_of, explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Consumer

    from headrace.core.partition import PartitionKey
    from headrace.engines.kafka.client import Settings
    from headrace.records import Raw
    from headrace.transports.kafka.connection import Connection

_LOG = logging.getLogger("headrace.engines.kafka")
_LAPSES = {
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001 the client's own names for what happens on its side
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.STALE_MEMBER_EPOCH,
}
_REFUSALS = (
    FINAL
    | TELLING
    | {
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    }
)


class Owner(Protocol):
    """Who keeps what belongs to partitions."""

    def take(self, keys: Sequence[PartitionKey], consumer: Consumer) -> dict[PartitionKey, int]:
        """Take partitions in; give the offset at which each begins."""

    def give_up(self, keys: Sequence[PartitionKey], consumer: Consumer) -> None:
        """Commit, and let partitions go."""


class Membership:
    """A consumer of the record topics."""

    def __init__(self, connection: Connection, settings: Settings, topics: Sequence[str], owner: Owner) -> None:
        self._connection = connection
        self._instance, self._group = str(settings.get("group.instance.id", "")), str(settings["group.id"])
        self._topics = list(topics)
        self._owner = owner
        self._next: dict[PartitionKey, int] = {}
        self._ended: set[PartitionKey] = set()
        self._paused: set[PartitionKey] = set()
        self._closing = False
        self.joined = False
        self.consumer = connection.open_reader(settings)

    def join(self) -> None:
        """Ask for partitions; they come while ``fetch`` is called."""
        self.consumer.subscribe(
            self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    @property
    def partitions(self) -> Sequence[PartitionKey]:
        """The partitions that are this instance's own."""
        return tuple(self._next)

    @property
    def at_end(self) -> bool:
        """Whether the end of every partition has been seen."""
        return self.joined and self._ended.issuperset(self._next)

    def fetch(self, most: int, wait: float) -> list[Raw]:
        """Give the records that are there, at most so many; wait for the first ones, at most so many seconds.

        Raises ``LapseError``, and ``SourceError`` for what no other session would change.
        """
        pieces: list[list[Raw]] = []
        left = most
        try:
            while left:
                messages = self.consumer.consume(min(PIECE, left), 0)
                if not messages and not pieces and wait > 0:
                    first = self.consumer.poll(wait)
                    messages = [] if first is None else [first]
                    wait = 0.0
                elif not messages:
                    break
                left -= len(messages)
                pieces.append(self._read(messages))
                del messages  # their memory is the next piece's
        except KafkaException as error:
            self._judge(error_of(error))
            raise LapseError(explain(error)) from error
        except RuntimeError as error:
            raise LapseError(str(error)) from error
        return [kept for raw in join_raws(pieces) if (kept := self._leave_out(raw)) is not None and len(kept)]

    def _read(self, messages: list[Any]) -> list[Raw]:
        if any(map(Message.error, messages)):
            for message in messages:
                if message.error() is not None:
                    self._hear(message)
            messages = [message for message in messages if message.error() is None]
        return build_raws(messages, self._topics[0] if len(self._topics) == 1 else "")

    def _hear(self, message: Any) -> None:
        error = message.error()
        if error.code() == END:
            self._ended.add((message.topic(), message.partition()))
            return
        self._judge(error, f"{message.topic()}, partition {message.partition()}" if message.topic() else "")

    def _judge(self, error: KafkaError, where: str = "") -> None:
        if "group.instance.id" in error.str():  # all that the client says of why it is fenced
            raise SourceError(
                f"another instance runs under the name {self._instance!r} and has taken this one's place: give every "
                "instance a name of its own (engine.instance)"
            )
        if error.code() in _REFUSALS or error.fatal():
            topic = where.partition(",")[0]
            right = f"Read on topic {topic!r}" if topic else f"Read on group {self._group!r}"
            raise self._connection.fail(SourceError, f"cannot give {where or 'records'}", error, right)
        if error.code() in _LAPSES:
            raise LapseError(explain(error))
        _LOG.warning("%s: %s", where or "Kafka", explain(error))

    def _leave_out(self, raw: Raw) -> Raw | None:
        """Leave out what is not this instance's own, or was read before."""
        key = (raw.source, raw.partition)
        following = self._next.get(key)
        if following is None:
            return None
        start = int(raw.offsets.searchsorted(following))
        if start:
            raw = _drop(raw, start)
        if len(raw):
            self._next[key] = int(raw.offsets[-1]) + 1
        return raw

    def hold(self, key: PartitionKey, *, back: bool) -> None:
        """Hold a partition back, or let it go on."""
        if back == (key in self._paused):
            return
        (self.consumer.pause if back else self.consumer.resume)([TopicPartition(*key)])
        (self._paused.add if back else self._paused.discard)(key)

    def seek(self, key: PartitionKey, offset: int) -> None:
        """Go back to an offset. Raises ``LapseError``."""
        self.hold(key, back=False)
        try:
            self.consumer.seek(TopicPartition(*key, offset))
        except KafkaException as error:
            raise LapseError(explain(error_of(error))) from error
        self._next[key] = max(0, offset)
        self._ended.discard(key)

    def close(self) -> None:
        """Leave the group; what the owner has not committed is not committed."""
        self._closing = True
        self.consumer.close()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.joined = True
        if self._closing:  # a client that closes answers nothing any more: what it is asked for would hang
            return
        keys = [(each.topic, each.partition) for each in partitions]
        begins = self._owner.take(keys, consumer)
        consumer.incremental_assign([TopicPartition(*key, begins[key]) for key in keys])
        self._next.update({key: max(0, begins[key]) for key in keys})

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        keys = [(each.topic, each.partition) for each in partitions]
        if not self._closing:
            self._owner.give_up(keys, consumer)
        self._forget(keys)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:  # noqa: ARG002
        self._forget([(each.topic, each.partition) for each in partitions])
        if not self._closing:
            raise LapseError("the group has given this instance's partitions to others")

    def _forget(self, keys: Sequence[PartitionKey]) -> None:
        for key in keys:
            self._next.pop(key, None)
            self._ended.discard(key)
            self._paused.discard(key)


def _drop(raw: Raw, count: int) -> Raw:
    return replace(
        raw,
        offsets=raw.offsets[count:],
        values=None if raw.values is None else raw.values.slice(count),
        keys=None if raw.keys is None else raw.keys.slice(count),
        timestamps=None if raw.timestamps is None else raw.timestamps[count:],
    )
