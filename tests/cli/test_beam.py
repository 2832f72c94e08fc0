"""``headrace run`` with a configuration of the Beam engine: from topics to topics, on Prism."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from headrace.engines.beam.runner import build_prism
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
name = "beam"
group = "{name}-beam"
[kafka]
"bootstrap.servers" = "{servers}"
[records]
topic = "{name}-records"
format = "json"
data_type = "wine"
follow = false
schema = {{x = "double"}}
[models]
topic = "{name}-models"
follow = false
[results]
topic = "{name}-results"
members = ["outputs.y"]
[dead_letters]
topic = "{name}-letters"
[loading]
checker = "inline"
formats = {{scaling = "headrace.testing.scaling:ScalingFormat"}}
[switch]
no_model = "hold"
"""


def fill(broker: Broker, name: str) -> None:
    """Make the topics, with a model that doubles and ten records, one of them bad."""
    connection = Connection(ClientSettings(broker.settings))
    for what in ("records", "results", "letters"):
        make_topic(connection, Plan(f"{name}-{what}", 2))
    make_topic(connection, Plan(f"{name}-models", 1, settings=WHOLE))
    producer = connection.open_producer({"enable.idempotence": True})
    command = Publish(Descriptor("scaling", "wine", content=write_scaling(2)))
    producer.produce(f"{name}-models", encode_command(command))
    for place, value in enumerate([*(b'{"x": %d}' % number for number in range(9)), b"no json"]):
        producer.produce(f"{name}-records", value, partition=place % 2)
    assert 0 == producer.flush(30)


@pytest.mark.slow
def test_topics_are_served_to_their_end(cli: Cli, kafka_broker: Broker, tmp_path: Path) -> None:
    build_prism()
    name = f"beam-{uuid.uuid4().hex[:8]}"
    fill(kafka_broker, name)
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name=name, servers=kafka_broker.bootstrap))
    checked = cli("validate", str(file))
    assert 0 == checked.exit_code, checked.stderr
    assert f"results: {name}-results, 2 partitions" in checked.stdout
    done = cli("run", "--engine", "beam", "--json", str(file))
    assert 0 == done.exit_code, done.stderr
    assert 9 == json.loads(done.stdout)["scored"]
    assert 1 == json.loads(done.stdout)["undecoded"]


@pytest.mark.slow
def test_draining_and_starting_again_changes_nothing(cli: Cli, kafka_broker: Broker, tmp_path: Path) -> None:
    build_prism()
    name = f"beam-{uuid.uuid4().hex[:8]}"
    fill(kafka_broker, name)
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name=name, servers=kafka_broker.bootstrap))
    assert 0 == cli("run", str(file)).exit_code
    producer = Connection(ClientSettings(kafka_broker.settings)).open_producer({"enable.idempotence": True})
    for number in range(9, 30):
        producer.produce(f"{name}-records", b'{"x": %d}' % number, partition=number % 2)
    assert 0 == producer.flush(30)
    assert 0 == cli("run", str(file)).exit_code
    lines = await_results(kafka_broker, f"{name}-results", 30)
    scores = [{"outputs": {"y": 2.0 * number}} for number in range(30)]
    assert scores == sorted(map(json.loads, lines), key=lambda line: float(line["outputs"]["y"]))


@pytest.mark.slow
def test_a_signal_ends_a_pipeline_that_follows_its_topics(kafka_broker: Broker, tmp_path: Path) -> None:
    build_prism()
    name = f"beam-{uuid.uuid4().hex[:8]}"
    fill(kafka_broker, name)
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name=name, servers=kafka_broker.bootstrap).replace("follow = false", "follow = true"))
    command = [sys.executable, "-m", "headrace", "run", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as running:
        await_results(kafka_broker, f"{name}-results", 9)
        os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C does: Prism is of the same group
        _, told = running.communicate(timeout=60)
    assert 0 == running.returncode, told
    (line,) = told.splitlines()
    assert f"results in {name}-results" in line


def await_results(broker: Broker, topic: str, count: int) -> list[bytes]:
    lines: list[bytes] = []
    consumer = Consumer({**broker.settings, "group.id": "look"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(2)])
    while len(lines) < count:
        found = consumer.consume(count, timeout=1)
        lines += [message.value() or b"" for message in found if message.error() is None]
    consumer.close()
    return lines


@pytest.mark.slow
def test_what_fails_is_told_in_one_line(cli: Cli, kafka_broker: Broker, tmp_path: Path) -> None:
    build_prism()
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name="absent", servers=kafka_broker.bootstrap))
    done = cli("run", str(file))
    assert 3 == done.exit_code
    (line,) = done.stderr.splitlines()
    assert "has no topic 'absent-" in line
    assert f"what Beam told is at the end of {tmp_path / 'beam.log'}" in line
    assert "Traceback" in (tmp_path / "beam.log").read_text()


def test_a_log_that_cannot_be_written_is_told(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name="absent", servers="127.0.0.1:1").replace('"beam"', '"beam"\nlog = "no/beam.log"'))
    done = cli("run", str(file))
    assert 2 == done.exit_code
    assert f"[engine] log: {tmp_path / 'no/beam.log'} cannot be written: No such file or directory" in done.stderr


def test_a_runner_that_there_is_not_is_told(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name="any", servers="127.0.0.1:1"))
    done = cli("run", str(file), "--", "--runner=Foo")
    assert 2 == done.exit_code
    assert "Beam does not take the options --runner=Foo: Unexpected pipeline runner: Foo" in done.stderr


def test_topics_that_begin_unlike_are_refused(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    other = '[[records]]\ntopic = "other"\nformat = "json"\ndata_type = "beer"\nfollow = false\nstart = "newest"\n'
    text = FILE.format(name="any", servers="127.0.0.1:1").replace("[records]", "[[records]]")
    file.write_text(text.replace("[models]", f"{other}[models]"))
    done = cli("validate", str(file))
    assert 2 == done.exit_code
    assert "records.start has to be the same for all topics" in done.stderr


def test_another_engine_than_that_of_the_file_is_refused(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text('[engine]\nname = "kafka"\n')
    done = cli("run", "--engine", "beam", str(file))
    assert 2 == done.exit_code
    assert "is for the engine 'kafka', not 'beam'" in done.stderr


def test_options_are_for_engines_that_have_some(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text("")
    done = cli("run", str(file), "--", "--runner=DirectRunner")
    assert 2 == done.exit_code
    assert "only a Beam, Flink or Spark engine takes options" in done.stderr
