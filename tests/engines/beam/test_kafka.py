"""The source and the sink on a real broker, each on its own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import apache_beam as beam
import pytest
from apache_beam.io.restriction_trackers import OffsetRange
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from headrace.core.settings import JoinSettings
from headrace.engines.beam import ServeModels
from headrace.engines.beam.kafka import (
    KafkaMessage,
    KafkaRecord,
    ReadFromKafka,
    ReadModelsFromKafka,
    WriteToKafka,
)
from headrace.engines.beam.kafka_reader import Reader
from headrace.engines.beam.kafka_source import ENDLESS, Lost, Offsets
from headrace.machinery.clock import now_ms
from headrace.records import Descriptor, Publish, SwitchMode
from headrace.stores.contents import digest_of
from headrace.testing.broker import Broker
from headrace.testing.scaling import write_scaling
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.parts import split
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import Plan, make_topic
from headrace.wire.descriptor import decode_command, encode_command
from tests.engines.beam.rig import CODEC, OPTIONS, Gathered, record, run, running

pytestmark = pytest.mark.slow


@pytest.fixture
def topic() -> str:
    return f"beam-{uuid.uuid4().hex}"


def make(broker: Broker, topic: str) -> None:
    make_topic(Connection(ClientSettings(broker.settings)), Plan(topic, partitions=2))


def produce(broker: Broker, topic: str, values: Sequence[bytes], begin: int = 1_000) -> None:
    make(broker, topic)
    producer = Producer({**broker.settings, "enable.idempotence": True})
    for number, value in enumerate(values):
        producer.produce(topic, value, b"key", partition=number % 2, timestamp=begin + number)
    assert 0 == producer.flush(30)


def read_all(broker: Broker, topic: str, count: int) -> list[tuple[bytes | None, bytes | None]]:
    consumer = Consumer({**broker.settings, "group.id": "look", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(2)])
    found: list[tuple[bytes | None, bytes | None]] = []
    while len(found) < count:
        found += [(each.key(), each.value()) for each in consumer.consume(count, timeout=1) if each.error() is None]
    consumer.close()
    return found


def test_every_record_is_read_once_with_its_place_and_its_time(kafka_broker: Broker, topic: str) -> None:
    values = [b"%d" % number for number in range(300)]
    produce(kafka_broker, topic, values)

    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        records = pipeline | ReadFromKafka(kafka_broker.settings, [topic], bounded=True, group=f"{topic}-group")
        gathered.take("records", records)
        gathered.take("times", records | beam.Map(lambda record, at=beam.DoFn.TimestampParam: (record.timestamp, at)))

    gathered = run(build)
    records = sorted(gathered["records"], key=lambda record: record.timestamp)
    assert values == [record.value for record in records]
    assert [(number % 2, number // 2) for number in range(300)] == [(each.partition, each.offset) for each in records]
    assert {1_000 + number for number in range(300)} == {told for told, _ in gathered["times"]}
    assert all(told * 1_000 == at.micros for told, at in gathered["times"])
    assert [150, 150] == committed(kafka_broker, topic)


def committed(broker: Broker, topic: str) -> list[int]:
    consumer = Consumer({**broker.settings, "group.id": f"{topic}-group"})
    found = consumer.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], timeout=30)
    consumer.close()
    return [each.offset for each in found]


def test_a_new_pipeline_goes_on_from_what_was_committed(kafka_broker: Broker, topic: str) -> None:
    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        read = ReadFromKafka(kafka_broker.settings, [topic], start="committed", bounded=True, group=f"{topic}-group")
        gathered.take("records", pipeline | read)

    produce(kafka_broker, topic, [b"1", b"2"])
    assert {b"1", b"2"} == {record.value for record in run(build)["records"]}
    produce(kafka_broker, topic, [b"3", b"4", b"5"])
    assert {b"3", b"4", b"5"} == {record.value for record in run(build)["records"]}


def test_a_topic_is_followed_and_models_go_by_the_time_of_its_records(kafka_broker: Broker, topic: str) -> None:
    make(kafka_broker, topic)
    models = f"{topic}-models"
    connection = Connection(ClientSettings(kafka_broker.settings))
    make_topic(connection, Plan(models, settings={"cleanup.policy": "compact"}))
    settings = JoinSettings(switch=SwitchMode.EVENT_TIME)

    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        read = pipeline | ReadFromKafka(kafka_broker.settings, [topic])
        inlets = {
            "records": read | beam.Map(KafkaRecord.to_record),
            "models": pipeline | ReadModelsFromKafka(kafka_broker.settings, models),
        }
        served = inlets | ServeModels(CODEC, settings, OPTIONS, in_child=False)
        gathered.take("results", served.results)

    producer = Producer({**kafka_broker.settings, "enable.idempotence": True})
    with running(build) as gathered:
        for at, factor in ((2_000, 2), (4_000, 4)):
            command = Publish(Descriptor(f"by {factor}", "wine", content=write_scaling(factor)))
            producer.produce(models, encode_command(command), b"model %d" % factor, timestamp=at)
        for number, at in enumerate((3_999, 2_000, 4_000)):
            producer.produce(topic, record(number, x=1, at=at), partition=number % 2, timestamp=at)
        producer.flush(30)
        gathered.await_count("results", 3)
        assert {"r0": 2.0, "r1": 2.0, "r2": 4.0} == gathered.scores
        producer.produce(topic, record(9, x=1, at=5_000), partition=1, timestamp=5_000)
        producer.flush(30)
        gathered.await_count("results", 4)
        assert 4.0 == gathered.scores["r9"]


def test_a_model_topic_that_is_quiet_holds_nothing_up(kafka_broker: Broker, topic: str) -> None:
    models = f"{topic}-models"
    for name in (topic, models):
        make_topic(Connection(ClientSettings(kafka_broker.settings)), Plan(name))
    settings = JoinSettings(switch=SwitchMode.EVENT_TIME)

    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        inlets = {
            "records": pipeline | ReadFromKafka(kafka_broker.settings, [topic]) | beam.Map(KafkaRecord.to_record),
            "models": pipeline | ReadModelsFromKafka(kafka_broker.settings, models),
        }
        gathered.take("results", (inlets | ServeModels(CODEC, settings, OPTIONS, in_child=False)).results)

    producer = Producer({**kafka_broker.settings, "enable.idempotence": True})
    command = Publish(Descriptor("by 2", "wine", content=write_scaling(2)))
    producer.produce(models, encode_command(command), b"model", timestamp=now_ms() - 10_000)
    with running(build) as gathered:
        for number in range(4):
            at = now_ms()
            producer.produce(topic, record(number, x=1, at=at), timestamp=at)
            producer.flush(30)
            gathered.await_count("results", number + 1)
    assert {f"r{number}": 2.0 for number in range(4)} == gathered.scores


def test_a_reader_that_stays_at_the_end_knows_it_each_time(kafka_broker: Broker, topic: str) -> None:
    produce(kafka_broker, topic, [b"1", b"2", b"3"])
    reader = Reader(Connection(ClientSettings(kafka_broker.settings)))
    reader.go_to((topic, 0), 0)
    while not reader.at_end:
        reader.read(10)
    told = []
    for _ in range(3):
        reader.go_to((topic, 0), 2)
        told.append((reader.at_end, reader.read(10), reader.at_end))
    reader.close()
    assert [(False, [], True)] * 3 == told


def lose(broker: Broker, topic: str, offset: int) -> None:
    """Have retention remove what is before an offset of the first partition."""
    client = AdminClient({**broker.settings})
    for done in client.delete_records([TopicPartition(topic, 0, offset)]).values():
        done.result(30)


def test_records_that_are_gone_are_refused_or_skipped(kafka_broker: Broker, topic: str) -> None:
    def read(lost_records: Lost) -> list[bytes]:
        def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
            read = ReadFromKafka(
                kafka_broker.settings,
                [topic],
                start="committed",
                bounded=True,
                group=f"{topic}-group",
                lost_records=lost_records,
            )
            gathered.take("records", pipeline | read)

        return sorted(each.value for each in run(build)["records"])

    produce(kafka_broker, topic, [b"0", b"1"])
    assert [b"0", b"1"] == read("refuse")
    produce(kafka_broker, topic, [b"2", b"3", b"4", b"5", b"6"])
    lose(kafka_broker, topic, 3)
    with pytest.raises(RuntimeError, match=r"comes to offset 1 next, and the oldest is 3: .* removed 2 records"):
        read("refuse")
    assert [b"3", b"5", b"6"] == read("skip")


def test_a_group_begins_at_the_newest_record_and_stays_with_it(kafka_broker: Broker, topic: str) -> None:
    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        group = f"{topic}-group"
        read = ReadFromKafka(
            kafka_broker.settings, [topic], start="committed", bounded=True, group=group, uncommitted="newest"
        )
        gathered.take("records", pipeline | read)

    produce(kafka_broker, topic, [b"before"])
    assert [] == run(build)["records"]
    produce(kafka_broker, topic, [b"after"])
    assert [b"after"] == [each.value for each in run(build)["records"]]


@pytest.mark.parametrize("committing", [False, True])
def test_a_worker_tells_no_error_of_bundles_without_anything_to_commit(
    committing: bool,
    kafka_broker: Broker,
    topic: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    produce(kafka_broker, topic, [b"1"])
    group = f"{topic}-group" if committing else ""

    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        gathered.take("records", pipeline | ReadFromKafka(kafka_broker.settings, [topic], bounded=True, group=group))

    assert [b"1"] == [each.value for each in run(build)["records"]]
    assert [] == [each.message for each in caplog.records if each.levelname == "ERROR"]
    assert "Traceback" not in capfd.readouterr().err


def test_a_model_that_came_in_parts_is_put_together(kafka_broker: Broker, topic: str) -> None:
    make_topic(Connection(ClientSettings(kafka_broker.settings)), Plan(topic, settings={"cleanup.policy": "compact"}))
    content = write_scaling(7)
    digest = digest_of(content)
    producer = Producer({**kafka_broker.settings, "enable.idempotence": True})
    parts = list(split(content, digest, size=10))
    for key, value in parts:
        producer.produce(topic, value, key)
    producer.produce(topic, encode_command(Publish(Descriptor("seven", "wine", digest=digest))), b"command")
    producer.produce(topic, b"nonsense", b"other")
    assert 0 == producer.flush(30)

    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        gathered.take("models", pipeline | ReadModelsFromKafka(kafka_broker.settings, topic, bounded=True))

    models = sorted(run(build)["models"], key=lambda model: model.position)
    assert [len(parts), len(parts) + 1] == [model.position for model in models]
    whole = decode_command(models[0].message)
    assert isinstance(whole, Publish)
    assert content == whole.descriptor.content
    assert b"nonsense" == models[1].message


def test_what_is_written_is_there(kafka_broker: Broker, topic: str) -> None:
    make(kafka_broker, topic)

    def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
        elements = pipeline | beam.Create([b"bare", KafkaMessage(b"whole", b"key"), (b"other", b"pair")])
        elements | WriteToKafka(kafka_broker.settings, topic)

    run(build)
    expected = [(None, b"bare"), (b"other", b"pair"), (b"key", b"whole")]
    assert expected == sorted(read_all(kafka_broker, topic, 3), key=lambda pair: pair[1] or b"")


def test_a_range_without_an_end_is_split_only_where_it_stands() -> None:
    tracker = Offsets(OffsetRange(5, ENDLESS))
    assert tracker.try_claim(7)  # type: ignore[no-untyped-call]
    assert tracker.try_split(0.5) is None
    assert (OffsetRange(5, 8), OffsetRange(8, ENDLESS)) == tracker.try_split(0)
    assert not tracker.try_claim(8)  # type: ignore[no-untyped-call]


def test_a_range_with_an_end_is_split_only_where_it_stands() -> None:
    tracker = Offsets(OffsetRange(0, 100))
    assert tracker.try_claim(9)  # type: ignore[no-untyped-call]
    assert tracker.try_split(0.5) is None
    assert (OffsetRange(0, 10), OffsetRange(10, 100)) == tracker.try_split(0)
