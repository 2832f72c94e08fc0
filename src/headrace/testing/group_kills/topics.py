"""The campaign's topics: made, filled, watched, and read to their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headrace.errors import HeadraceError
from headrace.testing.group_kills.plan import make_record
from headrace.transports.kafka.topics import WHOLE

if TYPE_CHECKING:
    from headrace.testing.group_kills.plan import Plan


def make_topics(plan: Plan) -> None:
    """Make the campaign's topics but that of the state, which the engine makes."""
    partitions = {"records": plan.partitions, "results": plan.partitions, "models": 1, "dead-letters": 1}
    admin = AdminClient({"bootstrap.servers": plan.bootstrap})
    made = admin.create_topics(
        [
            NewTopic(plan.topic(what), count, 1, config=dict(WHOLE) if what == "models" else {})
            for what, count in partitions.items()
        ]
    )
    for each in made.values():
        each.result(30)


def write_records(plan: Plan, share: tuple[int, int] = (0, 1)) -> None:
    """Write all records, in their order even where the first try of a batch fails: a record says which place is its.

    ``share`` (number, of) writes one of so many equal parts of each partition.
    """
    number, of = share
    settings = {"queue.buffering.max.messages": 2_000_000, "enable.idempotence": True}
    producer = Producer({"bootstrap.servers": plan.bootstrap, **settings})
    for partition in range(plan.partitions):
        first, end = (plan.count(partition) * each // of for each in (number, number + 1))
        for start in range(first, end, 10_000):
            offsets = range(start, min(start + 10_000, end))
            messages: list[dict[str, Any]] = [{"value": make_record(partition, offset)} for offset in offsets]
            producer.produce_batch(plan.topic("records"), messages, partition=partition)
            producer.poll(0)
    if producer.flush(120):
        message = "the records could not be written"
        raise HeadraceError(message)


def wait_for_end(plan: Plan, timeout: float, check: Callable[[], None], share: tuple[int, int] = (0, 1)) -> None:
    """Wait until the group has committed the end of every partition, or of a share of it. Raises ``HeadraceError``."""
    number, of = share
    ends = [plan.count(partition) * (number + 1) // of for partition in range(plan.partitions)]
    asker = Consumer({"bootstrap.servers": plan.bootstrap, "group.id": plan.group})
    places = [TopicPartition(plan.topic("records"), partition) for partition in range(plan.partitions)]
    until = time.monotonic() + timeout
    found: list[int] = []
    try:
        while True:
            with suppress(KafkaException):  # the group's coordinator may not be there yet
                found = [each.offset for each in asker.committed(places, timeout=30)]
            if found == ends:
                return
            check()
            if time.monotonic() > until:
                message = f"the group has come to {found} only, after {timeout:g} s: something is stuck"
                raise HeadraceError(message)
            time.sleep(0.1)
    finally:
        asker.close()


def read_topic(bootstrap: str, topic: str, *, committed: bool = True) -> Iterator[Any]:
    """Give the messages of a topic, with those of transactions that were aborted or without."""
    level = "read_committed" if committed else "read_uncommitted"
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "headrace-judge",
            "isolation.level": level,
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    try:
        count = len(reader.list_topics(topic, timeout=30).topics[topic].partitions)
        reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(count)])
        left = count
        while left:
            for message in reader.consume(10_000, 1.0):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 the client's own name
                    left -= 1
    finally:
        reader.close()
