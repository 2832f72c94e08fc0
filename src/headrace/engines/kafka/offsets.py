"""Up to where a group is done, as the broker knows it.

Rules:

1. The broker answers once no transaction can change the offset any more, and until then only those that do not ask for
   certainty.
2. No transaction of an engine lasts longer than its timeout: the coordinator aborts it. One that holds offsets much
   longer has lost its end; a broker that is killed while it ends a transaction can forget to tell its own offsets
   (seen with 4.3.1), and would never answer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, TopicPartition

from headrace.engines.kafka.client import LapseError
from headrace.transports.kafka.troubles import explain

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from headrace.core.partition import PartitionKey
    from headrace.transports.kafka.connection import Connection

_ASK_SECONDS = 10.0
_PATIENCE = 90.0
_OUTLASTING = 2.0
"""So many times a transaction's timeout is waited."""


class UnsettledError(LapseError):
    """A transaction has held the group's offsets for longer than one can last."""


def find_committed(
    connection: Connection, consumer: Consumer, keys: Sequence[PartitionKey], group: str, lasting: float
) -> dict[PartitionKey, int]:
    """Give the committed offset of each partition, -1 where there is none.

    ``lasting`` is how many seconds a transaction of the group may last, 0 where there are none.
    Raises ``UnsettledError`` where a transaction without an end holds the offsets, and ``LapseError``.
    """
    if not keys:
        return {}
    until = time.monotonic() + (_OUTLASTING * lasting if lasting else _PATIENCE)
    while True:
        try:
            return _ask(consumer, keys)
        except KafkaException as error:
            if time.monotonic() < until:
                continue
            if lasting and _is_held(connection, keys, group):
                raise UnsettledError("a transaction that has lost its end holds the group's offsets") from error
            raise LapseError(explain(error)) from error


def _ask(consumer: Consumer, keys: Sequence[PartitionKey]) -> dict[PartitionKey, int]:
    found = consumer.committed([TopicPartition(*key) for key in keys], timeout=_ASK_SECONDS)
    wrong = next((each.error for each in found if each.error is not None), None)
    if wrong is not None:
        raise LapseError(explain(wrong))
    return {(each.topic, each.partition): max(-1, each.offset) for each in found}


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
