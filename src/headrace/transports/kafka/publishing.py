"""Messages to a model topic: durable on every replica in step, in order, each once.

Rules:

1. A compacted topic gets bytes in parts by digest, and publications that name the digest: the bytes are kept once.
2. A topic that keeps everything gets bytes within the publication, as the book's programs send them, and in parts
   where they are larger than a message.
3. Where the client may not know which it is, it does as for a compacted topic: either takes that.
4. A message's position is the offset that the broker gave it.
"""

from __future__ import annotations

import uuid
from types import TracebackType
from typing import TYPE_CHECKING, Self

from confluent_kafka import KafkaException

from headrace.errors import SinkError
from headrace.transports.kafka.parts import PART_BYTES, encode_command_key, split
from headrace.transports.kafka.topics import COMPACTED, Plan, find_topic, make_topic, need_model_topic
from headrace.transports.kafka.troubles import LATE

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

    from headrace.transports.kafka.connection import Connection

_SEND = {"acks": "all", "enable.idempotence": True, "linger.ms": 0}


class ModelPublisher:
    """Appends to a model topic; a context manager. ``seconds`` is how long the broker may take for one publication."""

    def __init__(self, connection: Connection, topic: str, *, seconds: float = 30.0) -> None:
        self._connection, self._topic, self._seconds = connection, topic, seconds
        found = need_model_topic(connection, topic)
        self.compacted = found.compacted or not found.settings
        self._producer = connection.open_producer({**_SEND, "message.timeout.ms": int(seconds * 1000)})
        self._offset = -1
        self._error: KafkaError | None = None

    def __enter__(self) -> Self:
        """Give the publisher itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the topic."""
        self._producer.close()

    def takes_inline(self, size: int) -> bool:
        """Tell whether a model of so many bytes goes within its publication."""
        return not self.compacted and size <= PART_BYTES

    def put(self, content: bytes, digest: str) -> None:
        """Append a model's bytes in parts, before the publication that names their digest. Raises ``SinkError``."""
        for key, value in split(content, digest):
            self._produce(key, value)
        self._flush()

    def append(self, value: bytes, command: str, data_type: str, slot: str, identity: str = "") -> int:
        """Append one message that is obeyed and give its position; durable when this returns.

        ``identity`` is the publication's id; without one the message has one of its own, so that nothing replaces it.
        Raises ``SinkError``.
        """
        key = encode_command_key(command, data_type, slot, identity or uuid.uuid4().hex)
        self._produce(key if self.compacted else None, value)
        self._flush()
        return self._offset

    def _produce(self, key: bytes | None, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, key, 0, on_delivery=self._note)
            except BufferError:
                self._connection.serve(self._producer.poll, 0.1)
            except KafkaException as error:
                raise self._fail(error) from error
            else:
                return

    def _flush(self) -> None:
        left, fatal = self._connection.serve(self._producer.flush, self._seconds + 5)
        if fatal is not None or self._error is not None or left:
            raise self._fail(fatal or self._error or LATE)

    def _note(self, error: KafkaError | None, message: Message[bytes, bytes]) -> None:
        self._error = self._error or error
        if error is None:
            self._offset = message.offset() or 0

    def _fail(self, error: KafkaError | KafkaException) -> SinkError:
        doing = f"cannot take messages for the model topic {self._topic!r}"
        return self._connection.fail(SinkError, doing, error, f"Write on topic {self._topic!r}")


def make_model_topic(connection: Connection, topic: str) -> bool:
    """Make a compacted model topic where there is none; tells whether it was made.

    Raises ``SourceError`` where the cluster does not answer, and ``SinkError`` where it refuses.
    """
    return find_topic(connection, topic) is None and make_topic(connection, Plan(topic, settings=COMPACTED))
