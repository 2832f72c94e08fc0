"""The model stream as a topic of one partition, read whole by every instance and outside any group.

Rules:

1. A message's position is its offset: it stays the same when the topic is compacted. Parts and tombstones take
   positions and are no messages.
2. Parts are put together as they come. The publication that names their digest is given with the bytes in it, as if
   they had come so: an engine never has to look for bytes that it has not been told of.
3. The end is what the broker says it is, once the client has come there. It is asked for again at intervals, so that
   records that go by time need not wait for the next publication. Control records and what was compacted leave no
   message: the client tells where it is.
4. A topic that ends before a position that was read is another topic: an error, since positions would be given twice.
5. A broker that is gone is waited for; what time does not mend is raised.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from headrace.abc.source import Reading
from headrace.errors import CommandError, SourceError
from headrace.records import Malformed, ModelMessage, Publish
from headrace.transports.kafka.parts import Assembler, decode_part_key
from headrace.transports.kafka.topics import need_model_topic
from headrace.transports.kafka.troubles import END, FINAL, TELLING

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    from headrace.abc.source import Wake
    from headrace.records import Command
    from headrace.transports.kafka.connection import Connection

    Decode = Callable[[bytes], Command]

_MOST = 100
_ASK_SECONDS = 5.0
_READ = {
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 50,
    "fetch.queue.backoff.ms": 1,
    "isolation.level": "read_committed",
}


class ModelTopic:
    """A ``ModelSource`` over a topic.

    ``decode`` reads a message's command. ``follow`` False ends the stream at the topic's end. ``wait`` is how long a
    ``poll`` may wait for what comes, ``interval`` how often the end is asked for, in seconds. ``most_bytes`` bounds
    what parts take that no publication has named yet.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        decode: Decode,
        *,
        follow: bool = True,
        wait: float = 0.0,
        interval: float = 0.5,
        most_bytes: int = 2**30,
    ) -> None:
        self._connection, self._topic = connection, topic
        self._decode, self._follow = decode, follow
        self._wait, self._interval = wait, interval
        self._parts = Assembler(most_bytes)
        self._consumer: Consumer | None = None
        self._reached = -1
        self._asked_at = 0.0

    def start(self, wake: Wake) -> None:
        """Begin. The topic wakes nobody: the engine polls."""

    def resume(self, position: int) -> None:
        """Go on after the message at ``position``; -1 means from the beginning.

        Raises ``SourceError`` where there is no such topic, it is not fit for models, or ends before ``position``.
        """
        need_model_topic(self._connection, self._topic)
        consumer = self._connection.open_reader(_READ)
        try:
            self._check(consumer, position)
        except BaseException:
            consumer.close()
            raise
        consumer.assign([TopicPartition(self._topic, 0, position + 1 if position >= 0 else OFFSET_BEGINNING)])
        self._consumer = consumer

    def _check(self, consumer: Consumer, position: int) -> None:
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=_ASK_SECONDS)
        except KafkaException as error:
            raise self._fail(error) from error
        if position >= end:
            raise SourceError(
                f"the model topic {self._topic!r} ends at {end}, and message {position} was read before: it was made "
                "anew, or is another; restore it, or begin with another state"
            )

    def poll(self) -> Reading:
        """Give the messages that are there now, and the time up to which there are no others.

        Raises ``SourceError``.
        """
        if self._consumer is None:
            self.resume(-1)
        assert self._consumer is not None
        seen_at = time.time_ns() // 1_000_000
        try:
            taken = self._consumer.consume(_MOST, self._wait)
        except KafkaException as error:
            raise self._fail(error) from error
        found = [message for each in taken for message in self._take(each)]
        at_end = not (found or len(taken) == _MOST) and self._is_at_end()
        return Reading(tuple(found), seen_at - 1 if at_end else None, ended=at_end and not self._follow)

    def _take(self, message: Message[bytes, bytes]) -> list[ModelMessage]:
        """Take one message of the client: a command, a part, a tombstone, or what it has to tell."""
        error = message.error()
        if error is not None:
            self._hear(error, message)
            return []
        offset, value = message.offset(), message.value()
        assert offset is not None
        if value is None:
            return []
        part = decode_part_key(message.key())
        if part is not None:
            self._parts.add(part, value)
            return []
        try:
            command = self._fill(self._decode(value))
        except CommandError as wrong:
            command = Malformed(f"{self._topic}, offset {offset}: {wrong}")
        return [ModelMessage(offset, message.timestamp()[1], command)]

    def _fill(self, command: Command) -> Command:
        """Give a publication the bytes that came in parts."""
        if isinstance(command, Publish) and command.descriptor.content is None and not command.descriptor.location:
            content = self._parts.take(command.descriptor.digest)
            if content is not None:
                return Publish(replace(command.descriptor, content=content))
        return command

    def _is_at_end(self) -> bool:
        """Ask where the topic ends, not more often than the interval allows, and tell whether all of it was read."""
        now = time.monotonic()
        if self._asked_at and now - self._asked_at < self._interval:
            return False
        assert self._consumer is not None
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=_ASK_SECONDS)
        except KafkaException:
            return False
        if self._reached < end:
            return False
        self._asked_at = now
        return True

    def _hear(self, error: KafkaError, message: Message[bytes, bytes]) -> None:
        if error.code() == END:
            self._reached = max(self._reached, message.offset() or 0)
        elif error.code() in TELLING | FINAL:
            raise self._fail(error)

    def _fail(self, error: KafkaError | KafkaException) -> SourceError:
        doing = f"cannot give the model topic {self._topic!r}"
        return self._connection.fail(SourceError, doing, error, f"Read on topic {self._topic!r}")

    def close(self) -> None:
        """Leave the topic."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
