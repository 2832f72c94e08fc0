"""``headrace run`` with a configuration of the Spark engine: from topics to topics, on a local Spark."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from headrace.engines.spark.jars import VARIABLE
from headrace.records import Descriptor, Publish
from headrace.testing.broker import Broker
from headrace.testing.scaling import write_scaling
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import WHOLE, Plan, make_topic
from headrace.wire.descriptor import encode_command
from tests.cli.conftest import Cli

FIXED = "headrace.json"
FILE = """
[engine]
name = "spark"
master = "local[2]"
checkpoint = "checkpoint"
partitions = 2
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
[events]
topic = "{name}-events"
[loading]
checker = "inline"
formats = {{scaling = "headrace.testing.scaling:ScalingFormat"}}
[switch]
no_model = "hold"
"""


def fill(broker: Broker, name: str) -> None:
    """Make the topics, with a model that doubles and ten records, one of them bad."""
    connection = Connection(ClientSettings(broker.settings))
    for what in ("records", "results", "letters", "events"):
        make_topic(connection, Plan(f"{name}-{what}", 2))
    make_topic(connection, Plan(f"{name}-models", 1, settings=WHOLE))
    producer = connection.open_producer({"enable.idempotence": True})
    command = Publish(Descriptor("scaling", "wine", content=write_scaling(2)))
    producer.produce(f"{name}-models", encode_command(command))
    for place, value in enumerate([*(b'{"x": %d}' % number for number in range(9)), b"no json"]):
        producer.produce(f"{name}-records", value, key=b"key", partition=place % 2)
    assert 0 == producer.flush(30)


def run(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headrace", "run", "--engine", "spark", "--json", str(file), "--", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read(broker: Broker, topic: str, count: int) -> list[tuple[bytes | None, bytes]]:
    consumer = Consumer({**broker.settings, "group.id": "look"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(2)])
    found: list[tuple[bytes | None, bytes]] = []
    while len(found) < count:
        messages = consumer.consume(count, timeout=1)
        found += [(each.key(), each.value() or b"") for each in messages if each.error() is None]
    consumer.close()
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
def test_topics_are_served_to_their_end(kafka_broker: Broker, tmp_path: Path) -> None:
    name = f"spark-{uuid.uuid4().hex[:8]}"
    fill(kafka_broker, name)
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name=name, servers=kafka_broker.bootstrap))
    done = run(file, "--master", "local[1]", "--conf", "spark.sql.shuffle.partitions=1")
    assert 0 == done.returncode, done.stderr
    counts = {"scored": 9, "dead_lettered": 1, "skipped": 0, "stopped": False, "results": f"{name}-results"}
    assert counts == json.loads(done.stdout)
    results = read(kafka_broker, f"{name}-results", 9)
    assert {b"key"} == {key for key, _ in results}
    lines = [json.loads(value) for _, value in results]
    scores = [{"outputs": {"y": 2.0 * number}} for number in range(9)]
    assert scores == sorted(lines, key=lambda line: float(line["outputs"]["y"]))
    assert "undecodable" == json.loads(read(kafka_broker, f"{name}-letters", 1)[0][1])["code"]
    assert "serving" in {json.loads(value)["kind"] for _, value in read(kafka_broker, f"{name}-events", 6)}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
def test_what_an_aborted_transaction_holds_is_read_only_where_that_is_asked_for(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    name = f"spark-{uuid.uuid4().hex[:8]}"
    fill(kafka_broker, name)
    producer = Producer({**kafka_broker.settings, "transactional.id": name})
    producer.init_transactions(30)
    producer.begin_transaction()
    command = Publish(Descriptor("aborted", "wine", content=write_scaling(5)))
    producer.produce(f"{name}-models", encode_command(command))
    producer.produce(f"{name}-records", b'{"x": 100}', partition=0)
    assert 0 == producer.flush(30)
    producer.abort_transaction(30)
    committed, all_there = tmp_path / "committed.toml", tmp_path / "all.toml"
    text = FILE.format(name=name, servers=kafka_broker.bootstrap)
    committed.write_text(text)
    done = run(committed)
    assert 9 == json.loads(done.stdout)["scored"], done.stderr
    found = {json.loads(value)["outputs"]["y"] for _, value in read(kafka_broker, f"{name}-results", 9)}
    assert {2.0 * number for number in range(9)} == found
    own = '[kafka.consumer]\n"isolation.level" = "read_uncommitted"\n[records]'
    all_there.write_text(text.replace('"checkpoint"', '"another"').replace("[records]", own, 1))
    done = run(all_there)
    assert 10 == json.loads(done.stdout)["scored"], done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
def test_a_setting_for_producers_alone_reaches_them(kafka_broker: Broker, tmp_path: Path) -> None:
    name = f"spark-{uuid.uuid4().hex[:8]}"
    fill(kafka_broker, name)
    file = tmp_path / "headrace.toml"
    text = FILE.format(name=name, servers=kafka_broker.bootstrap)
    file.write_text(text.replace("[records]", '[kafka.producer]\n"compression.type" = "nonsense"\n[records]', 1))
    done = run(file)
    assert 3 == done.returncode, done.stderr
    assert "nonsense" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
def test_what_a_checkpoint_began_with_is_kept(kafka_broker: Broker, tmp_path: Path) -> None:
    name = f"spark-{uuid.uuid4().hex[:8]}"
    fill(kafka_broker, name)
    file = tmp_path / "headrace.toml"
    text = FILE.format(name=name, servers=kafka_broker.bootstrap)
    file.write_text(text)
    kept = tmp_path / "checkpoint" / FIXED
    (kept.parent / "offsets").mkdir(parents=True)
    kept.write_text('{"engine.salts": 7}')  # by a run that failed before it had read anything
    done = run(file)
    assert 0 == done.returncode, done.stderr
    assert 1 == json.loads(kept.read_text())["engine.salts"]
    file.write_text(text.replace("partitions = 2", "partitions = 2\nsalts = 2") + "[slots.'wine/challenger']\n")
    done = run(file)
    assert 2 == done.returncode, done.stderr
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("headrace")]
    assert "engine.salts is 2, and was 1" in told
    assert "slots is ['wine/challenger'], and was []" in told
    assert "name another checkpoint" in told
    kept.unlink()  # as if it were from before the file
    done = run(file)
    assert 0 == done.returncode, done.stderr
    assert ["wine/challenger"] == json.loads(kept.read_text())["slots"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize(
    ("master", "told"), [("local[abc]", "Could not parse Master URL"), ("foo", "Java ended before Spark had begun")]
)
def test_a_master_that_there_is_not_is_told_in_one_line(tmp_path: Path, master: str, told: str) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name="any", servers="localhost:1"))
    done = run(file, "--master", master)
    assert 2 == done.returncode, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"headrace: Spark does not start on {master!r}: {told}")
    assert str(tmp_path / "spark.log") in line


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
def test_a_signal_ends_a_query_that_follows_its_topics(kafka_broker: Broker, tmp_path: Path) -> None:
    name = f"spark-{uuid.uuid4().hex[:8]}"
    fill(kafka_broker, name)
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name=name, servers=kafka_broker.bootstrap).replace("follow = false", "follow = true"))
    command = [sys.executable, "-m", "headrace", "run", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        read(kafka_broker, f"{name}-results", 9)
        running.send_signal(signal.SIGTERM)
        _, told = running.communicate(timeout=300)
    assert 0 == running.returncode, told
    assert f"results in {name}-results" in told


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("spark")
def test_what_fails_is_told_in_one_line(kafka_broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name="absent", servers=kafka_broker.bootstrap))
    done = run(file)
    assert 3 == done.returncode
    told = [line for line in done.stderr.splitlines() if line.startswith("headrace")]
    assert 1 == len(told)
    assert "absent-" in told[0]


def test_missing_jars_are_one_clear_message(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name="any", servers="localhost:1"))
    done = cli("run", str(file))
    assert 2 == done.exit_code
    assert "Spark's Kafka connector" in done.stderr
    assert "python -m headrace.engines.spark.jars" in done.stderr
    assert "spark.log" not in done.stderr  # Spark was not started


@pytest.mark.parametrize(
    ("option", "told"),
    [("--deploy-mode=client", "takes --master URL and --conf"), ("--conf=x", "write --conf NAME=VALUE")],
)
def test_options_that_are_not_for_spark_are_refused(cli: Cli, tmp_path: Path, option: str, told: str) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(name="any", servers="localhost:1"))
    done = cli("run", str(file), "--", option)
    assert 2 == done.exit_code
    assert told in done.stderr
