"""Committed offsets that the broker cannot tell: a transaction holds them that never ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from headrace.core.statistics import Counts
from headrace.engines.kafka.client import LapseError
from headrace.engines.kafka.offsets import Committed, UnsettledError, find_committed
from headrace.testing.broker import Broker
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from tests.engines.kafka.rig import Rig

pytestmark = pytest.mark.slow


@contextmanager
def holding(rig: Rig, offset: int) -> Iterator[None]:
    """Hold the group's offset of the first partition in a transaction, as one that has lost its end does."""
    member = Consumer({"bootstrap.servers": rig.bootstrap, "group.id": f"{rig.name}-group"})
    holder = Producer({"bootstrap.servers": rig.bootstrap, "transactional.id": f"{rig.name}-holder"})
    holder.init_transactions(30)
    holder.begin_transaction()
    place = TopicPartition(rig.topic("records"), 0, offset)
    holder.send_offsets_to_transaction([place], member.consumer_group_metadata(), 30)
    try:
        yield
    finally:
        holder.abort_transaction(30)
        member.close()


def test_what_is_kept_tells_where_to_go_on(kafka_broker: Broker) -> None:
    rig = Rig(kafka_broker.bootstrap)
    rig.connection = Connection(ClientSettings({"bootstrap.servers": rig.bootstrap, "transaction.timeout.ms": 2_000}))
    rig.publish(3)
    rig.send(range(40))
    assert Counts(received=40, scored=40) == rig.run().counts
    with holding(rig, offset=5):
        rig.send(range(40))
        assert Counts(received=40, scored=40) == rig.run().counts
        assert rig.places(80) == rig.scored()
        assert Counts(received=80, scored=80) == rig.tally().totals()


def put_back(rig: Rig, offset: int, metadata: str) -> None:
    """Commit an offset of the first partition, as somebody who signs or does not."""
    member = Consumer({"bootstrap.servers": rig.bootstrap, "group.id": f"{rig.name}-group"})
    member.commit(offsets=[TopicPartition(rig.topic("records"), 0, offset, metadata)], asynchronous=False)
    member.close()


def test_an_offset_that_lost_its_transaction_lags_behind_the_state_and_is_passed_over(rig: Rig) -> None:
    rig.publish(3)
    rig.send(range(40))
    assert Counts(received=40, scored=40) == rig.run().counts
    put_back(rig, 5, metadata="headrace")
    rig.send(range(4))
    assert Counts(received=4, scored=4) == rig.run().counts
    assert rig.places(44) == rig.scored()
    assert Counts(received=44, scored=44) == rig.tally().totals()


def test_an_offset_that_a_person_has_moved_back_is_followed(rig: Rig) -> None:
    rig.publish(3)
    rig.send(range(40))
    rig.run()
    put_back(rig, 5, metadata="")
    again = 40 // rig.partitions - 5
    assert Counts(received=again, scored=again) == rig.run().counts


def test_a_partition_that_nobody_has_read_is_claimed_before_its_first_record(rig: Rig) -> None:
    rig.run()
    keys = [(rig.topic("records"), 0)]
    reader = rig.connection.open_reader({"group.id": f"{rig.name}-group"})
    found = find_committed(rig.connection, reader, keys, f"{rig.name}-group", 1.0)
    reader.close()
    assert {keys[0]: Committed(0, signed=True)} == found


def test_a_hold_is_told_apart_from_a_broker_that_is_silent(kafka_broker: Broker) -> None:
    rig = Rig(kafka_broker.bootstrap)
    keys = [(rig.topic("records"), 0)]
    group = f"{rig.name}-group"
    reader = rig.connection.open_reader({"group.id": group, "isolation.level": "read_committed"})
    assert {keys[0]: Committed()} == find_committed(rig.connection, reader, keys, group, 1.0)
    with holding(rig, offset=5), pytest.raises(UnsettledError, match="holds the group's offsets"):
        find_committed(rig.connection, reader, keys, group, 1.0)
    reader.close()
    nobody = Connection(ClientSettings({"bootstrap.servers": "127.0.0.1:1"}))
    reader = nobody.open_reader({"group.id": group})
    with pytest.raises(LapseError) as lapse:
        find_committed(nobody, reader, keys, group, 1.0)
    assert LapseError is type(lapse.value)
    reader.close()
