"""What is kept of partitions, read back when this instance is given them.

Rules:

1. The committed offset is the truth about where a partition goes on, and is asked for first. Where the broker cannot
   tell it, what is kept is: the same transaction wrote both. So it is where a signed offset lags behind what is kept:
   the broker has lost the end of the transaction among its offsets alone.
2. What is kept is read to its end, as the broker tells it: the last offsets may be markers, which nobody ever sees.
3. Where what is kept lags behind the committed offset, the transaction that wrote both is about to appear: it is waited
   for as long as the log holds more than can be read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from headrace.engines.kafka.changelog import Kept, apply_change
from headrace.engines.kafka.client import LapseError
from headrace.errors import SourceError
from headrace.transports.kafka.troubles import END, FINAL, TELLING, explain

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from headrace.core.partition import PartitionKey
    from headrace.engines.kafka.offsets import Committed
    from headrace.transports.kafka.connection import Connection

_LOG = logging.getLogger("headrace.engines.kafka")
_PATIENCE = 90.0
_WAIT = 0.02
_READ = {
    "auto.offset.reset": "earliest",
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 50,
    "fetch.queue.backoff.ms": 1,
    "isolation.level": "read_committed",
}


def restore(
    connection: Connection, topic: str, committed: Mapping[PartitionKey, Committed]
) -> dict[PartitionKey, Kept]:
    """Bring back what is kept of partitions, and up to where each is done.

    Raises ``LapseError``, ``SourceError``, ``StateError``.
    """
    kept = {key: Kept() for key in committed}
    numbers = sorted({number for _, number in committed})
    if not numbers:
        return kept
    reader = connection.open_reader(_READ)
    try:
        reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
        _Restoring(connection, topic, committed, kept).read(reader, set(numbers))
    finally:
        reader.close()
    for key, found in committed.items():
        kept[key].progress = replace(kept[key].progress, done=_find_done(key, found, kept[key].progress.done))
    return kept


def _find_done(key: PartitionKey, found: Committed, kept: int) -> int:
    if found.signed and kept + 1 > found.offset:
        _LOG.warning(
            "%s, partition %d: the group's offset is %d, and the state that was written with it goes on to %d. The "
            "broker has lost the end of a transaction: going on by the state",
            *key, found.offset, kept + 1,
        )  # fmt: skip
        return kept
    return max(-1, found.offset - 1)


def find_kept(connection: Connection, topic: str, keys: Sequence[PartitionKey]) -> dict[PartitionKey, int]:
    """Give the offset at which each partition goes on by what is kept, -1 where nothing is. Raises ``LapseError``."""
    kept = {key: Kept() for key in keys}
    reader = connection.open_reader(_READ)
    numbers = sorted({number for _, number in keys})
    try:
        reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
        _Restoring(connection, topic, {}, kept).read(reader, set(numbers))
    finally:
        reader.close()
    return {key: each.progress.done + 1 if each.progress.done >= 0 else -1 for key, each in kept.items()}


class _Restoring:
    """Reads what is kept of partitions; without committed offsets, all that the log holds."""

    def __init__(
        self,
        connection: Connection,
        topic: str,
        committed: Mapping[PartitionKey, Committed],
        kept: dict[PartitionKey, Kept],
    ) -> None:
        self._connection, self._topic = connection, topic
        self._committed, self._kept = committed, kept
        self._until = time.monotonic() + _PATIENCE
        self._reached: dict[int, int] = {}

    def read(self, reader: Consumer, left: set[int]) -> None:
        """Read partitions until all is back."""
        at_end: set[int] = set()
        while left:
            for message in reader.consume(10_000, _WAIT):
                error = message.error()
                number = message.partition() or 0
                if error is None:
                    apply_change(self._kept, message.key() or b"", message.value() or b"null")
                    at_end.discard(number)
                elif error.code() == END:
                    at_end.add(number)
                    self._reached[number] = message.offset() or 0
                elif error.code() in TELLING or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                    doing = f"cannot give the state topic {self._topic!r}"
                    raise self._connection.fail(SourceError, doing, error, f"Read on topic {self._topic!r}")
                elif error.code() in FINAL:
                    raise LapseError(f"the state topic {self._topic}: {explain(error)}")
            left -= {number for number in at_end if self._is_whole(number)}
            if time.monotonic() > self._until:
                raise LapseError(f"the state topic {self._topic} could not be read within {_PATIENCE:g} s")

    def _is_whole(self, number: int) -> bool:
        if not self._committed:
            return self._find_high(number) <= self._reached[number]
        behind = [
            key
            for key, found in self._committed.items()
            if key[1] == number and self._kept[key].progress.done + 1 < found.offset
        ]
        if not behind:
            return True
        if self._find_high(number) > self._reached[number]:
            return False
        for source, partition in behind:
            _LOG.warning(
                "the state of %s, partition %d, is older than its committed offset: somebody has moved the offset, or "
                "the state topic %s has lost messages; counts go on from what is there",
                source, partition, self._topic,
            )  # fmt: skip
        return True

    def _find_high(self, number: int) -> int:
        """Give the end of the log, uncommitted messages included."""
        asker = self._connection.open_reader({**_READ, "isolation.level": "read_uncommitted"})
        try:
            _, high = asker.get_watermark_offsets(TopicPartition(self._topic, number), timeout=10)
            return int(high)
        except KafkaException as error:
            raise LapseError(explain(error)) from error
        finally:
            asker.close()
