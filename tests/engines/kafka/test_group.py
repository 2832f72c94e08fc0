"""Several instances: partitions move while models switch, names collide, the broker goes away."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from confluent_kafka import Consumer

from headrace.core.statistics import Counts
from headrace.engines.kafka.settings import tell_consumer
from headrace.errors import ConfigurationError, SourceError
from headrace.testing.broker import Broker
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from tests.engines.kafka.rig import Rig, Waiting

pytestmark = pytest.mark.slow

JOINS = 3


@pytest.mark.timeout(300)
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_instances_come_and_go_while_models_switch(kafka_broker: Broker, protocol: str) -> None:
    rig = Rig(kafka_broker.bootstrap, partitions=4)
    given = {"bootstrap.servers": kafka_broker.bootstrap, "group.protocol": protocol}
    rig.connection = Connection(ClientSettings(given))
    rig.publish(1)
    sent = 0
    stays = Waiting()
    with rig.running(rig.engine("stays", follow=True, observers=[stays])) as stayed:
        for round_number in range(JOINS):
            comes = Waiting()
            with rig.running(rig.engine(f"comes-{round_number}", follow=True, observers=[comes])) as came:
                rig.publish(round_number + 2)
                while not comes.rows:
                    rig.send(range(40))
                    sent += 40
                    comes.wait(1, timeout=1.0)
            assert came[0].counts.balanced
        rig.wait_for_results(sent)
    assert stayed[0].counts.balanced
    results = rig.results()
    assert len(results) == len(set(rig.scored())) == sent
    for partition in range(4):
        positions = [each["position"] for each in results if each["partition"] == partition]
        assert [pair for pair in pairwise(positions) if pair[1] < pair[0]] == []
    assert rig.tally().totals() == Counts(received=sent, scored=sent)


def test_two_fixed_instances_of_one_name_are_told_apart(rig: Rig) -> None:
    rig.publish(2)
    failed: list[BaseException] = []
    seen = Waiting()
    first = rig.engine("same", fixed=True, follow=True, observers=[seen])

    def run() -> None:
        try:
            first.run()
        except SourceError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    rig.send(range(4))
    assert seen.wait(4)
    second = rig.engine("same", fixed=True, follow=True)
    with rig.running(second):
        thread.join(60)
    first.stop()
    thread.join(60)
    assert "another instance runs under the name 'same'" in str(failed[0])


@pytest.mark.timeout(600)
def test_a_broker_that_is_killed_is_waited_for_and_nothing_is_lost() -> None:
    """Killed between two transactions: a broker that is killed while it ends one may lose its end (docs/kafka.md)."""
    with Broker() as broker:
        rig = Rig(broker.bootstrap)
        rig.publish(2)
        with rig.running(rig.engine(follow=True)) as summaries:
            rig.send(range(100))
            rig.wait_for_offsets(100)
            broker.kill()
            broker.start()
            rig.send(range(100))
            rig.wait_for_offsets(200)
            broker.restart()
            rig.send(range(100))
            rig.wait_for_results(300)
        assert summaries[0].counts.balanced
        assert rig.scored() == rig.places(300)
        assert rig.tally().totals() == Counts(received=300, scored=300)


def test_a_member_that_shares_partitions_in_another_way_is_told(rig: Rig) -> None:
    rig.publish(2)
    given = {"bootstrap.servers": rig.bootstrap, "group.id": f"{rig.name}-group"}
    other = Consumer({**given, "partition.assignment.strategy": "range"})
    other.subscribe([rig.topic("records")])
    while not other.assignment():
        other.poll(0.1)
    try:
        with pytest.raises(SourceError, match="the group's other members share partitions in another way"):
            rig.run()
    finally:
        other.close()


def test_an_assignor_that_stops_everyone_is_refused(rig: Rig) -> None:
    given = {"bootstrap.servers": rig.bootstrap, "partition.assignment.strategy": "range"}
    rig.connection = Connection(ClientSettings(given))
    with pytest.raises(ConfigurationError, match="cooperative-sticky"):
        tell_consumer(rig.engine().parts)
