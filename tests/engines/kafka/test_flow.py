"""Records of a topic to results, dead letters, events and state, on a real broker."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import TopicPartition

from headrace.app.model_streams import TopicStream
from headrace.core.statistics import Counts
from headrace.engines.kafka.parts import Delivery
from headrace.errors import SinkError, SourceError
from headrace.records import Descriptor, FieldProfile, Publish, SlotKey
from headrace.testing.broker import Broker
from headrace.testing.scaling import write_scaling
from headrace.transports.kafka.topics import COMPACTED, Plan, make_topic
from headrace.wire.dead_letters import decode_dead_letter
from headrace.wire.descriptor import encode_command
from tests.engines.kafka.rig import EVERY_DELIVERY, Rig

pytestmark = pytest.mark.slow

WINE = SlotKey("wine")


@pytest.mark.parametrize("delivery", EVERY_DELIVERY)
def test_every_record_is_scored_once_and_a_next_run_goes_on(rig: Rig, delivery: Delivery) -> None:
    rig.publish(3)
    rig.send(range(120))
    assert rig.run(delivery=delivery).counts == Counts(received=120, scored=120)
    assert rig.run(delivery=delivery).counts == Counts()
    rig.send(range(10))
    assert rig.run("b", delivery=delivery).counts == Counts(received=10, scored=10)
    assert rig.scored() == rig.places(130)
    assert rig.tally().totals() == Counts(received=130, scored=130)


@pytest.mark.parametrize("headers", [True, False])
def test_results_tell_their_model_and_keep_key_and_partition(rig: Rig, headers: bool) -> None:
    rig.publish(3)
    rig.send([5, 7], key=b"bottle")
    rig.run(headers=headers)
    first, second = sorted(rig.read("results"), key=lambda message: int(message.partition()))
    told = json.loads(second.value())
    assert (first.partition(), second.partition()) == (0, 1)
    assert second.key() == b"bottle"
    assert (told["outputs"], told["position"], told["source"]) == ({"y": 21.0}, 0, rig.topic("records"))
    wanted = {"model": "scaling", "version": "0", "digest": told["digest"], "position": "0"} if headers else {}
    assert {name: value.decode() for name, value in second.headers() or ()} == wanted


def test_bad_records_become_dead_letters_and_their_neighbours_are_scored(rig: Rig) -> None:
    rig.publish(2)
    rig.send([1, b"{not json", b'{"id": "2", "x": "much"}', b"", 4])
    assert rig.run().counts == Counts(received=5, scored=2, dead_lettered=3)
    letters = rig.read("letters")
    headers = [dict(each.headers()) for each in letters]
    assert sorted(each["code"].decode() for each in headers) == ["undecodable", "undecodable", "wrong-type"]
    assert {each["source"].decode() for each in headers} == {rig.topic("records")}
    assert rig.tally().totals() == Counts(received=5, scored=2, dead_lettered=3)


def test_a_dead_letter_that_is_too_large_says_where_its_record_is(rig: Rig) -> None:
    rig.publish(2)
    rig.send([1, b"{" * 999_000, 3, 4])
    summary = rig.run()
    assert (3, 1) == (summary.counts.scored, summary.counts.dead_lettered)
    (letter,) = [decode_dead_letter(message.value()) for message in rig.read("letters")]
    assert (None, "undecodable") == (letter.original, letter.code)
    assert (
        f"(too large for a dead letter: the record is at {rig.topic('records')}, partition 1, offset 0)"
        in letter.reason
    )


def test_a_result_that_is_too_large_ends_the_engine_and_names_the_topic(rig: Rig) -> None:
    rig.publish(2)
    rig.send([json.dumps({"id": "i" * 999_900, "x": 1.0}).encode()])
    with pytest.raises(SinkError, match=f"written to '{rig.topic('results')}': the message is larger than"):
        rig.run()


def test_a_model_that_cannot_be_loaded_is_refused_and_the_one_before_serves(rig: Rig) -> None:
    rig.publish(2)
    rig.publish(0, content=b"garbage")
    rig.producer.produce(rig.topic("models"), b"\xff no descriptor")
    rig.send(range(10))
    assert rig.run().counts == Counts(received=10, scored=10)
    assert {each["position"] for each in rig.results()} == {0}
    kinds = [json.loads(each.value()) for each in rig.read("events")]
    assert "rejected" in kinds
    assert "command-refused" in kinds


def test_models_of_a_compacted_topic_come_in_parts(kafka_broker: Broker) -> None:
    rig = Rig(kafka_broker.bootstrap, models=COMPACTED)
    stream = TopicStream(rig.connection, rig.topic("models"))
    stream.publish(Descriptor("scaling", "wine", content=write_scaling(2)))
    position, _ = stream.publish(Descriptor("scaling", "wine", content=write_scaling(3)))
    rig.send(range(10))
    assert rig.run().counts == Counts(received=10, scored=10)
    assert {(each["position"], each["outputs"]["y"]) for each in rig.results()} == {
        (position, 3.0 * value) for value in range(10)
    }


def test_statistics_are_those_of_the_output_and_outlive_every_instance(rig: Rig) -> None:
    rig.publish(2)
    for instance in ("a", "b", "c"):
        rig.send(range(30))
        rig.run(instance)
    results = rig.results()
    statistics = rig.tally().accounts[WINE, 0].statistics
    assert statistics.records == len(results) == 90
    assert statistics.timing.total_ns == sum(each["score_ns"] for each in results)


def test_drift_is_counted_over_all_instances(rig: Rig) -> None:
    profile = (
        FieldProfile("x", edges=(10.0, 20.0), counts=(10, 10, 10, 0)),
        FieldProfile("y", output=True, edges=(30.0,), counts=(15, 15, 0)),
    )
    descriptor = Descriptor("scaling", "wine", content=write_scaling(2), profile=profile)
    rig.producer.produce(rig.topic("models"), encode_command(Publish(descriptor)))
    for instance in ("a", "b"):
        rig.send([*range(30), b"no json"])
        rig.run(instance)
    outputs = [each["outputs"]["y"] for each in rig.results()]
    expected = [[20, 20, 20, 0], [sum(y < 30 for y in outputs), sum(y >= 30 for y in outputs), 0]]
    assert expected == rig.tally().accounts[WINE, 0].statistics.spread


def test_records_wait_for_their_first_model(rig: Rig) -> None:
    rig.send(range(20))
    engine = rig.engine(follow=True)
    with rig.running(engine) as summaries:
        rig.publish(2)
        rig.wait_for_results(20)
    assert summaries[0].counts == Counts(received=20, scored=20)
    assert rig.scored() == rig.places(20)


def test_a_missing_topic_is_named(rig: Rig) -> None:
    rig.connection.admin.delete_topics([rig.topic("letters")])[rig.topic("letters")].result(30)
    with pytest.raises(SourceError, match="letters"):
        rig.run()


def test_a_state_that_would_be_deleted_is_refused(rig: Rig) -> None:
    make_topic(rig.connection, Plan(rig.topic("state"), 2, 1, {"cleanup.policy": "delete"}))
    with pytest.raises(SourceError, match=r"cleanup\.policy = delete"):
        rig.run()


def test_a_state_of_too_few_partitions_is_refused(rig: Rig) -> None:
    make_topic(rig.connection, Plan(rig.topic("state"), 1, 1, {"cleanup.policy": "compact"}))
    with pytest.raises(SourceError, match="has 1 partitions"):
        rig.run()


def test_records_that_retention_took_are_not_passed_over_silently(rig: Rig) -> None:
    rig.publish(2)
    rig.send(range(4))
    rig.run()
    rig.send(range(20))
    gone = [TopicPartition(rig.topic("records"), number, 8) for number in range(2)]
    for future in rig.connection.admin.delete_records(gone).values():
        future.result(30)
    with pytest.raises(SourceError, match="the next record is 2, and the topic holds 8 to 12"):
        rig.run()
    assert rig.run(skip_lost=True).counts == Counts(received=8, scored=8)


def test_a_partition_that_nobody_has_read_may_begin_with_the_next_record(rig: Rig) -> None:
    rig.publish(2)
    rig.send(range(10))
    assert rig.run(from_start=False).counts == Counts()
