"""A broker of one's own: starts, keeps its data over a kill, holds still when paused, and leaves nothing."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from headrace.errors import ConfigurationError
from headrace.testing.broker import Broker, Security

pytestmark = pytest.mark.xdist_group("kafka")
QUIET = {"log_level": 0}


def make_topic(broker: Broker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.inside, **QUIET})
    admin.create_topics([NewTopic(topic, 1)])[topic].result(timeout=20)


def send(settings: dict[str, str], topic: str, value: bytes) -> None:
    producer = Producer({**settings, **QUIET})
    producer.produce(topic, value)
    assert producer.flush(20) == 0


def receive(settings: dict[str, str], topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({**settings, "group.id": topic, "auto.offset.reset": "earliest", **QUIET})
    consumer.subscribe([topic])
    values: list[bytes | None] = [message.value() for message in consumer.consume(count, timeout=30)]
    consumer.close()
    return values


@pytest.mark.slow
def test_data_outlives_a_kill_and_a_stop_and_goes_when_the_broker_is_closed() -> None:
    with Broker() as broker:
        folder = broker.log.parent
        make_topic(broker, "kept")
        send(broker.settings, "kept", b"before")
        first = broker.bootstrap
        broker.kill()
        assert broker.pid is None
        broker.start()
        send(broker.settings, "kept", b"after a kill")
        broker.restart()
        assert [b"before", b"after a kill"] == receive(broker.settings, "kept", 2)
        assert first == broker.bootstrap
    assert not folder.exists()


def test_a_paused_broker_does_not_answer_until_it_goes_on(kafka_broker: Broker) -> None:
    admin = AdminClient({**kafka_broker.settings, **QUIET})
    kafka_broker.pause()
    try:
        with pytest.raises(KafkaException):
            admin.list_topics(timeout=1)
    finally:
        kafka_broker.resume()
    assert [1] == list(admin.list_topics(timeout=20).brokers)


def test_a_setting_that_the_server_refuses_is_one_message() -> None:
    refused = r"Invalid value often for configuration log.retention.bytes"
    with pytest.raises(ConfigurationError, match=refused), Broker({"log.retention.bytes": "often"}):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_clients_bring_what_security_asks_for(mechanism: str) -> None:
    security = Security(tls=True, mechanisms=(mechanism,), users={"alice": "of-alice"})
    with Broker(security=security) as broker:
        make_topic(broker, "secured")
        send(broker.settings, "secured", b"value")
        assert [b"value"] == receive(broker.settings, "secured", 1)


def test_without_java_there_is_one_message_that_tells_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    missing = r"needs a JDK of version 17 or later \(java\).*apt-get install"
    with pytest.raises(ConfigurationError, match=missing), Broker():
        pass


def test_without_maven_fetching_is_one_message(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headrace.testing.broker"],
        env={"PATH": "", "HEADRACE_BROKER_JARS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("headrace: the Kafka broker for tests needs Maven (mvn)")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_it_does_not_outlive_the_process_that_started_it() -> None:
    program = "from headrace.testing.broker import Broker; b = Broker(); b.start(); print(b.pid, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        broker = int(starter.stdout.readline())
        server = os.pidfd_open(broker)
        starter.send_signal(signal.SIGKILL)
    # A descriptor of a process is readable once the process has ended.
    assert select.select([server], [], [], 20)[0] == [server]
    os.close(server)
