"""``headrace provide`` and the commands of the model stream, with Kafka topics on a real broker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headrace.app.model_streams import TopicStream
from headrace.records import Pin, Publish, Retire, Rollback, SlotKey, Unpin
from headrace.stores.contents import digest_of
from headrace.testing.broker import Broker
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import find_topic
from headrace.wire.descriptor import decode_command
from headrace.wire.wine import decode_wine
from tests.cli.conftest import Cli

if TYPE_CHECKING:
    from confluent_kafka import Message

pytestmark = pytest.mark.slow

WINE = SlotKey("wine")


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4().hex}"


@pytest.fixture
def connection(kafka_broker: Broker) -> Connection:
    return Connection(ClientSettings(kafka_broker.settings))


@pytest.fixture
def config(kafka_broker: Broker, topic: str, tmp_path: Path) -> Path:
    """What a machine that only publishes needs to say."""
    file = tmp_path / "publisher.toml"
    file.write_text(f'[kafka]\nbootstrap.servers = "{kafka_broker.bootstrap}"\n[models]\ntopic = "{topic}"\n')
    return file


def take(connection: Connection, topic: str, count: int) -> list[Message[bytes, bytes]]:
    consumer = connection.open_reader({"auto.offset.reset": "earliest", "group.id": topic})
    consumer.subscribe([topic])
    messages = consumer.consume(count, timeout=30)
    consumer.close()
    return messages


def test_records_are_sent_round_by_round_without_keys(
    cli: Cli, kafka_broker: Broker, connection: Connection, topic: str
) -> None:
    asked = ("--bootstrap", kafka_broker.bootstrap, "--topic", topic, "--rate", 0, "--count", 1_601)
    result = cli("provide", "records", *map(str, asked))
    messages = take(connection, topic, 1_601)
    values = [message.value() or b"" for message in messages]
    assert (0, f"headrace: 1601 records sent to {topic}\n") == (result.exit_code, result.stderr)
    assert ({None}, 1_601) == ({message.key() for message in messages}, len(values))
    assert values[:2] == values[1_599:]
    features, data_type = decode_wine(values[0])
    assert ("wine", 7.4, 9.4) == (data_type, features["fixed_acidity"], features["alcohol"])


def test_keys_spread_records_over_partitions(cli: Cli, connection: Connection, config: Path, topic: str) -> None:
    asked = ("--config", config, "--topic", topic, "--keyed", "--partitions", "2", "--rate", "0", "--count", "50")
    assert 0 == cli("provide", "records", *asked).exit_code
    messages = take(connection, topic, 50)
    assert {f"red-{number:04}".encode() for number in range(1, 51)} == {message.key() for message in messages}
    assert {0, 1} == {message.partition() for message in messages}


def test_records_come_at_their_rate_until_interrupted(kafka_broker: Broker, connection: Connection, topic: str) -> None:
    command = [sys.executable, "-m", "headrace", "provide", "records", "--bootstrap", kafka_broker.bootstrap]
    with subprocess.Popen([*command, "--topic", topic, "--rate", "50"], stderr=subprocess.PIPE, text=True) as running:
        while find_topic(connection, topic) is None:
            assert running.poll() is None
        messages = take(connection, topic, 100)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=30)
    assert (0, f"records sent to {topic}\n") == (running.returncode, told.partition(" ")[2].partition(" ")[2])
    seconds = (messages[99].timestamp()[1] - messages[0].timestamp()[1]) / 1_000
    assert 1.9 < seconds < 10


def test_models_are_sent_in_turn_with_their_bytes_as_the_books_programs_do(
    cli: Cli, kafka_broker: Broker, connection: Connection, topic: str
) -> None:
    asked = ("--bootstrap", kafka_broker.bootstrap, "--topic", topic, "--pause", "0", "--count", "3")
    result = cli("provide", "models", *asked)
    messages = take(connection, topic, 3)
    commands = [decode_command(message.value() or b"") for message in messages]
    descriptors = [each.descriptor for each in commands if isinstance(each, Publish)]
    assert (0, 3) == (result.exit_code, result.stderr.count("\n"))
    assert {None} == {message.key() for message in messages}
    assert ["forest", "network", "forest"] == [each.name for each in descriptors]
    assert ["pmml", "onnx", "pmml"] == [each.model_type for each in descriptors]
    assert [True] * 3 == [digest_of(each.content or b"") == each.digest for each in descriptors]


def test_a_slot_is_steered_over_a_topic(
    cli: Cli, connection: Connection, config: Path, topic: str, model: Path
) -> None:
    def steer(*arguments: str) -> dict[str, object]:
        result = cli(*arguments, "--config", config, "--data-type", "wine", "--json")
        assert 0 == result.exit_code, result.output
        told: dict[str, object] = json.loads(result.stdout)
        return told

    first = steer("publish", str(model), "--version", "1", "--id", "a")
    digest = digest_of(model.read_bytes())
    assert (digest, 1, None) == (first["digest"], first["position"], first["verdict"])
    model.write_text(model.read_text().replace('intercept="1"', 'intercept="3"'))
    steer("publish", str(model), "--version", "2")
    steer("pin")
    steer("unpin")
    steer("rollback", "1")
    steer("retire", "--digest", digest[:10])
    commands = [message.command for message in TopicStream(connection, topic).read()]
    assert [Pin(WINE), Unpin(WINE), Rollback(WINE, digest), Retire(WINE, digest)] == commands[2:]
    published = [each.descriptor for each in commands if isinstance(each, Publish)]
    assert ["1", "2"] == [each.version for each in published]
    assert [digest, digest_of(model.read_bytes())] == [digest_of(each.content or b"") for each in published]


def test_a_dry_run_publishes_nothing(cli: Cli, connection: Connection, config: Path, topic: str, model: Path) -> None:
    result = cli("publish", model, "--dry-run", "--config", config, "--data-type", "wine", "--json")
    assert (0, True) == (result.exit_code, json.loads(result.stdout)["accepted"])
    assert find_topic(connection, topic) is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("pin",), "has no topic"),
        (("rollback", "1"), "has no topic"),
        (("publish", "MODEL", "--wait"), "--wait needs the engine's state directory"),
    ],
)
def test_what_cannot_be_done_is_told(
    cli: Cli, config: Path, model: Path, arguments: tuple[str, ...], told: str
) -> None:
    given = [str(model) if each == "MODEL" else each for each in arguments]
    result = cli(*given, "--config", config, "--data-type", "wine")
    assert told in result.stderr
    assert result.exit_code in {2, 3}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[models]\ntopic = "wine"\n', "has no table [kafka]"),
        ("[models]\ntopic = 3\n", "models.topic takes the name of a topic"),
        ('[models]\ntopic = "wine"\n[kafka]\nlinger.ms = 5\n', "bootstrap.servers is not set"),
        ('[models]\ntopic = "wine"\n[kafka]\nbootstrap.servers = "a:1"\nsasl.password = "x"\n', "is a secret"),
        ('[models]\ntopic = "wine"\n[kafka]\nbootstrap.servers = "a:1"\nlingers = 5\n', 'property: "lingers"'),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told(cli: Cli, tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    result = cli("pin", "--config", file, "--data-type", "wine")
    assert (2, True) == (result.exit_code, told in result.stderr), result.stderr
