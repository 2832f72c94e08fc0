"""A consumer that stands somewhere in one partition, for a step that reads it a turn at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from headrace.errors import SourceError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

    from headrace.transports.kafka.connection import Connection
    from headrace.transports.kafka.settings import Setting

Place = tuple[str, int]

POLL_SECONDS = 0.2
_ASK_SECONDS = 1.0
_NO_END: Any = KafkaError._PARTITION_EOF  # noqa: SLF001 the library's own name


class Reader:
    """Reads one partition after another; ``at_end`` tells whether all of it was read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        own: dict[str, Setting] = {
            "enable.partition.eof": True, "auto.offset.reset": "error", "isolation.level": "read_committed",
        }  # fmt: skip
        self._consumer: Consumer = connection.open_reader(own)
        self._place: Place | None = None
        self.position = 0
        self.at_end = False

    def go_to(self, place: Place, offset: int) -> None:
        """Stand before an offset; standing there already, keep what has been fetched."""
        if self._place != place or self.position != offset:
            self._consumer.assign([TopicPartition(*place, offset)])
        self._place, self.position, self.at_end = place, offset, False

    def lose_place(self) -> None:
        """Learn that what was read is not taken."""
        self._place = None

    def read(self, most: int) -> list[Message[bytes, bytes]]:
        """Give what is there. Raises ``SourceError``."""
        found: list[Message[bytes, bytes]] = []
        for message in self._consumer.consume(most, timeout=POLL_SECONDS):
            error = message.error()
            if error is None:
                found.append(message)
                self.position, self.at_end = int(message.offset() or 0) + 1, False
            elif error.code() == _NO_END:
                self.position, self.at_end = max(self.position, int(message.offset() or 0)), True
            else:
                assert self._place is not None
                doing = f"cannot be read from topic {self._place[0]!r}, partition {self._place[1]}"
                raise self._connection.fail(SourceError, doing, error, f"Read on topic {self._place[0]!r}")
        if not found and not self.at_end:  # the client tells the end once, at a reader's first coming to it
            self.at_end = self._ask_end()
        return found

    def _ask_end(self) -> bool:
        """Ask whether all of the partition was read; where nobody answers, it was not."""
        assert self._place is not None
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(*self._place), timeout=_ASK_SECONDS)
        except KafkaException:
            return False
        return bool(self.position >= end)

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()
