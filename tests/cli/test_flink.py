"""``headrace run`` with a configuration of a Flink engine: from topics to topics, on a mini cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from headrace.app.flink.premises import VARIABLE
from headrace.records import Descriptor, Publish
from headrace.testing.broker import Broker
from headrace.testing.scaling import write_scaling
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import WHOLE, Plan, make_topic
from headrace.wire.descriptor import encode_command
from tests.cli.conftest import Cli

FILE = """
[engine]
name = "{engine}"
checkpoints = "checkpoints"
parallelism = 2
checkpoint_ms = 1000
transactions = "{name}"
[kafka]
"bootstrap.servers" = "{servers}"
[records]
topic = "{name}-records"
format = "json"
data_type = "wine"
follow = {follow}
schema = {{x = "double"}}
[models]
topic = "{name}-models"
follow = {follow}
[results]
topic = "{name}-results"
members = ["partition", "offset", "outputs.y"]
[dead_letters]
topic = "{name}-letters"
[events]
topic = "{name}-events"
[loading]
checker = "inline"
formats = {{scaling = "headrace.testing.scaling:ScalingFormat"}}
[switch]
no_model = "hold"
"""
Line = dict[str, Any]
PARTITIONS = 2
ENGINES = ("flink-keyed", "flink-partitioned")


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A broker for these tests alone, so that they do not wait for those of Kafka."""
    with Broker() as running:
        yield running


def make_topics(broker: Broker, name: str, at: int = 0) -> None:
    """Make the topics, with a model that doubles. Messages keep the times they are given where there is one."""
    connection = Connection(ClientSettings(broker.settings))
    for what in ("records", "results", "letters", "events"):
        make_topic(connection, Plan(f"{name}-{what}", PARTITIONS))
    make_topic(connection, Plan(f"{name}-models", 1, settings={"retention.ms": "-1"} if at else WHOLE))
    publish(broker, name, 2, at)


def publish(broker: Broker, name: str, factor: float, at: int = 0) -> None:
    producer = Connection(ClientSettings(broker.settings)).open_producer({"enable.idempotence": True})
    command = Publish(Descriptor("scaling", "wine", content=write_scaling(factor)))
    producer.produce(f"{name}-models", encode_command(command), timestamp=at)
    assert 0 == producer.flush(30)


def send(broker: Broker, name: str, values: list[bytes]) -> None:
    producer = Connection(ClientSettings(broker.settings)).open_producer({"enable.idempotence": True})
    for place, value in enumerate(values):
        producer.produce(f"{name}-records", value, key=b"key", partition=place % PARTITIONS)
    assert 0 == producer.flush(30)


def numbers(first: int, last: int) -> list[bytes]:
    return [b'{"x": %d}' % number for number in range(first, last)]


def command(flink: Path, file: Path, *options: str) -> list[str]:
    engine = file.read_text().split('name = "', 1)[1].split('"', 1)[0]
    return [str(flink), "-m", "headrace", "run", "--engine", engine, "--json", str(file), "--", *options]


def run(flink: Path, file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(flink, file, *options), capture_output=True, text=True, check=False)


def read(broker: Broker, topic: str, count: int, job: subprocess.Popen[str] | None = None) -> list[bytes]:
    """Read what is committed, until so many are there, which the job has to bring."""
    settings = {**broker.settings, "group.id": "look", "isolation.level": "read_committed"}
    consumer = Consumer(settings)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    found: list[bytes] = []
    while len(found) < count:
        assert job is None or job.poll() is None, job.communicate()[1]
        messages = consumer.consume(count, timeout=1)
        found += [each.value() or b"" for each in messages if each.error() is None]
    found += [each.value() or b"" for each in consumer.consume(1_000, timeout=2) if each.error() is None]
    consumer.close()
    return found


def scores(broker: Broker, name: str, count: int) -> list[float]:
    return sorted(json.loads(line)["outputs"]["y"] for line in read(broker, f"{name}-results", count))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("flink")
@pytest.mark.parametrize("engine", ENGINES)
def test_topics_are_served_to_their_end_and_a_next_run_goes_on(
    broker: Broker, flink: Path, tmp_path: Path, engine: str
) -> None:
    name = f"{engine}-{uuid.uuid4().hex[:8]}"
    make_topics(broker, name)
    send(broker, name, [*numbers(0, 9), b"no json"])
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(engine=engine, name=name, servers=broker.bootstrap, follow="false"))
    done = run(flink, file)
    assert 0 == done.returncode, done.stderr
    told = {"stopped": False, "results": f"{name}-results", "dead_letters": f"{name}-letters"}
    assert told == json.loads(done.stdout)
    assert [2.0 * number for number in range(9)] == scores(broker, name, 9)
    letters = [json.loads(line) for line in read(broker, f"{name}-letters", 1)]
    assert [("undecodable", f"{name}-records")] == [(each["code"], each["source"]) for each in letters]
    assert "serving" in {json.loads(line)["kind"] for line in read(broker, f"{name}-events", 6)}


def send_timed(broker: Broker, name: str, began: int, times: list[int]) -> None:
    """Send a record for each time, in milliseconds from the beginning, with the time as its number."""
    producer = Connection(ClientSettings(broker.settings)).open_producer({"enable.idempotence": True})
    for at in times:
        value = b'{"x": %d}' % at
        for partition in range(PARTITIONS):
            producer.produce(f"{name}-records", value, partition=partition, timestamp=began + at)
    assert 0 == producer.flush(30)


def stop_after(broker: Broker, flink: Path, file: Path, topic: str, count: int, *options: str) -> list[Line]:
    """Run a job until so many results are committed, and stop it; give those that there are then."""
    with subprocess.Popen(
        command(flink, file, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as job:
        read(broker, topic, count, job)
        job.send_signal(signal.SIGTERM)
        out, error = job.communicate()
    assert 0 == job.returncode, error
    assert json.loads(out)["stopped"] is True
    return [json.loads(line) for line in read(broker, topic, count)]


@pytest.mark.slow
@pytest.mark.timeout(1_200)
@pytest.mark.xdist_group("flink")
def test_a_job_is_stopped_and_goes_on_from_its_savepoint_with_another_parallelism(
    broker: Broker, flink: Path, tmp_path: Path
) -> None:
    name = f"scale-{uuid.uuid4().hex[:8]}"
    began = time.time_ns() // 1_000_000
    make_topics(broker, name, began - 1)
    text = FILE.replace("[switch]", '[switch]\nmode = "event-time"')
    file = tmp_path / "headrace.toml"
    file.write_text(text.format(engine="flink-keyed", name=name, servers=broker.bootstrap, follow="true"))
    publish(broker, name, 3, began + 150)
    lines: list[Line] = []
    for step, parallelism in enumerate(("1", "2", "1")):
        publish(broker, name, 5 + step, began + (250, 1_000, 10_000)[step])  # so that the model log is known up to then
        send_timed(broker, name, began, list(range(step * 100, step * 100 + 100)))
        if step == 2:
            send_timed(broker, name, began, [9_000])  # all before it are complete
        count = PARTITIONS * (step * 100 + (100 if step == 2 else 90))
        options = ("--parallelism", parallelism, "-Dtable.exec.source.idle-timeout=0 ms")
        lines = stop_after(broker, flink, file, f"{name}-results", count, *options)
    factors = ((1_000, 6), (250, 5), (150, 3), (0, 2))
    expected = {
        (partition, float(at * next(factor for since, factor in factors if at >= since)))
        for at in range(300)
        for partition in range(PARTITIONS)
    }
    found = [(line["partition"], line["outputs"]["y"]) for line in lines if line["offset"] < 300]
    assert len(expected) == len(found)
    assert expected == set(found)


def test_pyflink_is_asked_for_before_anything_starts(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(engine="flink-keyed", name="x", servers="localhost:1", follow="false"))
    done = cli("run", file)
    assert 2 == done.exit_code
    assert "needs PyFlink 2.3.0" in done.stderr


@pytest.mark.slow
@pytest.mark.xdist_group("flink")
def test_a_missing_connector_is_one_message(flink: Path, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(engine="flink-keyed", name="x", servers="localhost:1", follow="false"))
    environment = {**os.environ, VARIABLE: str(tmp_path)}
    done = subprocess.run(command(flink, file), capture_output=True, text=True, check=False, env=environment)
    assert done.stderr.startswith("headrace: Flink's Kafka connector flink-sql-connector-kafka-5.0.0-2.2.jar is not in")
    assert 1 == done.stderr.count("\n")


def test_an_option_that_flink_does_not_take_is_refused(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(engine="flink-keyed", name="x", servers="localhost:1", follow="false"))
    done = cli("run", file, "--", "--master", "local")
    assert "a Flink engine takes --target, --jobmanager HOST:PORT" in done.stderr
