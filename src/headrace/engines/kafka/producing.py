"""What the engine writes with: a transaction around all of it, or acknowledgements before the offsets.

Rules:

1. Exactly once: results, dead letters, events, state and offsets are one transaction. The offsets carry the group's
   generation, so that an instance that was thought dead cannot commit (KIP-447).
2. A commit that took longer than a second may have left the client and the broker of two minds about where a
   transaction ends (librdkafka has no KIP-890): the client is replaced by one of a new epoch.
3. At least once: offsets are committed after everything before them is acknowledged.
4. What fails is a ``LapseError``: nothing since the last commit counts, and the engine begins again from there. Where
   only the group has moved on meanwhile it is a ``StaleError``, after which the outlet is ready to write.
5. A producer that does not come back from a step of its transaction is left behind: the next one of its id fences it.
6. What would be refused again, such as what the client has no right to, is a ``SinkError``: it ends the engine.
7. At most ``IN_FLIGHT`` messages wait to be sent: a slow broker slows the engine and does not fill the memory.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from confluent_kafka import KafkaError, KafkaException

from headrace.engines.kafka.attending import StuckError, attend
from headrace.engines.kafka.client import LapseError, StaleError
from headrace.engines.kafka.offsets import sign
from headrace.errors import SinkError
from headrace.transports.kafka.rights import find_forbidden
from headrace.transports.kafka.troubles import REFUSED, error_of, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confluent_kafka import Consumer, Producer, TopicPartition

    from headrace.engines.kafka.client import Settings
    from headrace.transports.kafka.connection import Connection

IN_FLIGHT = 100_000
SLOW_COMMIT = 1.0
_PATIENCE = 60.0
_OFFSETS_PATIENCE = 10.0
"""Seconds. Where a broker came back meanwhile, a client may ask for the group in vain; a new session does not."""
_TELLING = 2.0
"""Seconds for what a client knows by itself."""
_PAUSE = 0.01
_STALE = {KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.STALE_MEMBER_EPOCH}
_FORBIDDEN = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
_UNSAID = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._STATE}  # noqa: SLF001 the client's own name
"""A transaction that met what it has no right to says this, and not what it was."""
Header = tuple[str, str | bytes | None]


class Outlet(Protocol):
    """One way to write."""

    def open(self) -> None:
        """Get ready to write. Raises ``LapseError``."""

    def make_room(self, count: int) -> None:
        """Wait until so many messages may be written with ``send_one``."""

    def send(self, topic: str, messages: list[dict[str, Any]], partition: int) -> None:
        """Write messages, each with "value" and "key", to one partition."""

    def send_one(self, topic: str, value: bytes, key: bytes | None, partition: int, headers: list[Header]) -> None:
        """Write one message with headers; partition -1: by its key."""

    def commit(self, offsets: Sequence[TopicPartition], consumer: Consumer) -> None:
        """Make durable what was written, with the offsets up to which records are done."""

    def close(self) -> None:
        """Give up what was not committed."""


def make_outlet(connection: Connection, settings: Settings) -> Outlet:
    """Give the way to write that the settings are for: they name a transactional id, or they do not."""
    exactly = "transactional.id" in settings
    return Transactions(connection, settings) if exactly else Acknowledgements(connection, settings)


class _Sending:
    """What both ways have in common: a producer and its queue."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection, self._settings = connection, settings
        self._made: Producer | None = None
        self._failed: KafkaError | None = None
        self._written: set[str] = set()
        self._report: Callable[[KafkaError | None, object], None] | None = None

    @property
    def _producer(self) -> Producer:
        if self._made is None:
            message = "the producer is not open"
            raise LapseError(message)
        return self._made

    def send(self, topic: str, messages: list[dict[str, Any]], partition: int) -> None:
        """Write messages to one partition."""
        producer = self._producer
        self._written.add(topic)
        for start in range(0, len(messages), IN_FLIGHT // 2):
            part = messages[start : start + IN_FLIGHT // 2]
            self.make_room(len(part))
            try:
                queued = producer.produce_batch(topic, part, partition=partition, on_delivery=self._report)
            except BufferError as error:
                raise LapseError(f"the queue to {topic} is full") from error
            except KafkaException as error:
                raise self._fail(error, topic) from error
            if queued < len(part):
                wrong = next((each["_error"] for each in part if "_error" in each), None)
                if wrong is not None:
                    raise self._fail(wrong, topic)
                raise LapseError(f"{len(part) - queued} messages to {topic} were refused: the queue is full")
        producer.poll(0)

    def send_one(self, topic: str, value: bytes, key: bytes | None, partition: int, headers: list[Header]) -> None:
        """Write one message with headers."""
        self._written.add(topic)
        try:
            self._producer.produce(topic, value, key, partition, self._report, headers=headers)
        except BufferError as error:
            raise LapseError(f"the queue to {topic} is full") from error
        except KafkaException as error:
            raise self._fail(error, topic) from error

    def make_room(self, count: int) -> None:
        """Wait until so many messages may be written."""
        producer = self._producer
        until = time.monotonic() + _PATIENCE
        while len(producer) + count > IN_FLIGHT:
            producer.poll(_PAUSE)
            if time.monotonic() > until:
                raise LapseError(f"{len(producer)} messages have waited {_PATIENCE:g} s to be sent")

    def _note(self, error: KafkaError | None, message: Any) -> None:
        if error is not None and self._failed is None:
            self._failed, self._written = error, {message.topic()}

    def _fail(self, error: KafkaError | KafkaException, topic: str = "") -> LapseError | SinkError:
        """Make the error of what was refused: one after which the engine begins again, or one that ends it."""
        code = error_of(error).code()
        topics = [topic] if topic else sorted(self._written)
        if code in _UNSAID:
            forbidden = find_forbidden(self._connection, self._written)
            topics, error = forbidden or topics, _FORBIDDEN if forbidden else error
            code = error_of(error).code()
        if code not in REFUSED:
            return LapseError(explain(error))
        told = ", ".join(map(repr, topics))
        needed = {
            KafkaError.TOPIC_AUTHORIZATION_FAILED: f"Write on topic {told}",
            KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: f"Write on transactional id {self._id!r}",
            KafkaError.CLUSTER_AUTHORIZATION_FAILED: "IdempotentWrite on the cluster",
            KafkaError.GROUP_AUTHORIZATION_FAILED: "Read on the group",
        }
        doing = f"does not take what is written to {told}" if topics else "takes nothing from this instance"
        return self._connection.fail(SinkError, doing, error, needed.get(code, ""))

    @property
    def _id(self) -> str:
        return str(self._settings.get("transactional.id", ""))


class Transactions(_Sending):
    """Writes exactly once. ``settings`` name the transactional id."""

    _open_transaction = False

    def open(self) -> None:
        """Fence off whoever else writes under this id, and end what it left open."""
        try:
            self._made = self._connection.open_producer(self._settings)
            self._attend(self._made.init_transactions, _PATIENCE, seconds=_PATIENCE)
        except KafkaException as error:
            self._made = None
            raise self._fail(error) from error
        self._open_transaction = False

    def send(self, topic: str, messages: list[dict[str, Any]], partition: int) -> None:
        """Write messages to one partition."""
        self._begin()
        super().send(topic, messages, partition)

    def send_one(self, topic: str, value: bytes, key: bytes | None, partition: int, headers: list[Header]) -> None:
        """Write one message with headers."""
        self._begin()
        super().send_one(topic, value, key, partition, headers)

    def _begin(self) -> None:
        if not self._open_transaction:
            self._call(self._producer.begin_transaction)
            self._open_transaction = True
            self._written.clear()

    def commit(self, offsets: Sequence[TopicPartition], consumer: Consumer) -> None:
        """End the transaction with the offsets in it."""
        self._begin()
        began = time.monotonic()
        self.send_offsets(offsets, consumer)
        self._call(self._producer.commit_transaction, _PATIENCE)
        self._open_transaction = False
        if time.monotonic() - began > SLOW_COMMIT:
            self._made = None
            self.open()

    def send_offsets(self, offsets: Sequence[TopicPartition], consumer: Consumer) -> None:
        """Put the offsets into the transaction, in the name of this generation of the group."""
        if offsets:
            group = self._find_generation(consumer)
            step = self._producer.send_offsets_to_transaction
            self._call(step, sign(offsets), group, _OFFSETS_PATIENCE, patience=_OFFSETS_PATIENCE)

    def _find_generation(self, consumer: Consumer) -> object:
        """Ask for this instance's place in its group, which a client that is just losing partitions may never tell.

        Seen where a member left while another joined, within the callback that takes partitions away. The client is
        not used again: the engine begins a session with another one.
        """
        try:
            return attend(consumer.consumer_group_metadata, seconds=0.0, grace=_TELLING)
        except KafkaException as error:
            raise LapseError(explain(error)) from error

    def _call(self, step: Callable[..., Any], *arguments: Any, patience: float = _PATIENCE) -> Any:
        """Take one step of a transaction, again where it may be taken again."""
        until = time.monotonic() + patience
        while True:
            try:
                return self._attend(step, *arguments, seconds=patience)
            except KafkaException as error:
                if error_of(error).code() in _STALE:
                    self.close_transaction()
                    raise StaleError(explain(error)) from error
                if not error_of(error).retriable() or time.monotonic() > until:
                    raise self._fail(error) from error

    def _attend(self, step: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
        try:
            return attend(step, *arguments, seconds=seconds)
        except StuckError:
            self._made, self._open_transaction = None, False
            raise

    def close_transaction(self) -> None:
        """Abort what is open, and stay ready to write. Raises ``LapseError``."""
        if self._open_transaction:
            self._open_transaction = False
            try:
                self._attend(self._producer.abort_transaction, _PATIENCE, seconds=_PATIENCE)
            except KafkaException as error:
                raise LapseError(explain(error)) from error

    def close(self) -> None:
        """Abort what is open."""
        made, self._made = self._made, None
        if made is None or not self._open_transaction:
            return
        self._open_transaction = False
        try:
            attend(made.abort_transaction, _PATIENCE / 6, seconds=_PATIENCE / 6)
        except (KafkaException, StuckError):
            return  # the next one to open under this id ends it


class Acknowledgements(_Sending):
    """Writes at least once."""

    def open(self) -> None:
        """Begin."""
        self._failed, self._report = None, self._note
        self._made = self._connection.open_producer(self._settings)

    def commit(self, offsets: Sequence[TopicPartition], consumer: Consumer) -> None:
        """Wait until everything is acknowledged, then commit the offsets."""
        left = self._producer.flush(_PATIENCE)
        if self._failed is not None:
            raise self._fail(self._failed)
        if left:
            raise LapseError(f"{left} messages were not acknowledged within {_PATIENCE:g} s")
        if offsets:
            try:
                consumer.commit(offsets=list(offsets), asynchronous=False)
            except KafkaException as error:
                kind = StaleError if error_of(error).code() in _STALE else LapseError
                raise kind(explain(error)) from error

    def close(self) -> None:
        """Drop what is not sent: it will be written again."""
        made, self._made = self._made, None
        if made is not None:
            made.purge()
            made.flush(1.0)
