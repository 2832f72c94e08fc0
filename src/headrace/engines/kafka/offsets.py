"""Up to where a group is done, as the broker knows it.

Rules:

1. The broker answers once no transaction can change the offset any more, and until then only those that do not ask for
   certainty.
2. No transaction of an engine lasts longer than its timeout: the coordinator aborts it. One that holds offsets much
   longer has lost its end; a broker that is killed while it ends a transaction can forget to tell its own offsets
   (seen with 4.3.1), and would never answer, or answer with what was there before.
3. What an engine commits in a transaction is signed, so that an offset which lags behind the state is known for what it
   is: one that lost its transaction's end, and not one that a person has moved.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, TopicPartition

from headrace.engines.kafka.client import LapseError
from headrace.errors import SourceError
from headrace.transports.kafka.troubles import NO_RIGHT, error_of, explain

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from headrace.core.partition import PartitionKey
    from headrace.transports.kafka.connection import Connection

_LOG = logging.getLogger("headrace.engines.kafka")
_SIGNATURE = "headrace"
_ASK_SECONDS = 10.0
_PATIENCE = 90.0
_OUTLASTING = 2.0
"""So many times a transaction's timeout is waited."""


class UnsettledError(LapseError):
    """A transaction has held the group's offsets for longer than one can last."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The offset of the record with which a partition goes on, -1 for none, and whether an engine has signed it."""

    offset: int = -1
    signed: bool = False


def sign(offsets: Sequence[TopicPartition]) -> list[TopicPartition]:
    """Give the offsets with the mark of an engine that writes them together with its state."""
    return [TopicPartition(each.topic, each.partition, each.offset, _SIGNATURE) for each in offsets]


def claim(consumer: Consumer, key: PartitionKey, offset: int) -> None:
    """Commit where a partition that nobody has read begins: then even its first transaction has an offset before it.

    A broker that does not take it now will take the first transaction's.
    """
    try:
        consumer.commit(offsets=sign([TopicPartition(*key, offset)]), asynchronous=False)
    except KafkaException as error:
        _LOG.info("%s, partition %d: its beginning was not committed: %s", *key, explain(error))


def find_committed(
    connection: Connection, consumer: Consumer, keys: Sequence[PartitionKey], group: str, lasting: float
) -> dict[PartitionKey, Committed]:
    """Give what is committed of each partition.

    ``lasting`` is how many seconds a transaction of the group may last, 0 where there are none.
    Raises ``UnsettledError`` where a transaction without an end holds the offsets, ``SourceError`` where the client has
    no right to them, and ``LapseError``.
    """
    if not keys:
        return {}
    until = time.monotonic() + (_OUTLASTING * lasting if lasting else _PATIENCE)
    while True:
        try:
            return _ask(consumer, keys)
        except KafkaException as error:
            if error_of(error).code() in NO_RIGHT:
                doing, right = f"cannot give the offsets of group {group!r}", f"Read on group {group!r}"
                raise connection.fail(SourceError, doing, error, right) from error
            if time.monotonic() < until:
                continue
            if lasting and _is_held(connection, keys, group):
                raise UnsettledError("a transaction that has lost its end holds the group's offsets") from error
            raise LapseError(explain(error)) from error


def _ask(consumer: Consumer, keys: Sequence[PartitionKey]) -> dict[PartitionKey, Committed]:
    found = consumer.committed([TopicPartition(*key) for key in keys], timeout=_ASK_SECONDS)
    wrong = next((each.error for each in found if each.error is not None), None)
    if wrong is not None and error_of(wrong).code() in NO_RIGHT:
        raise KafkaException(wrong)
    if wrong is not None:
        raise LapseError(explain(wrong))
    return {
        (each.topic, each.partition): Committed(max(-1, each.offset), signed=each.metadata == _SIGNATURE)
        for each in found
    }


def _is_held(connection: Connection, keys: Sequence[PartitionKey], group: str) -> bool:
    """Tell whether the broker answers who does not ask for certainty: then it is well."""
    asker = connection.open_reader({"group.id": group, "isolation.level": "read_uncommitted"})
    try:
        _ask(asker, keys)
    except (KafkaException, LapseError):
        return False
    finally:
        asker.close()
    return True
