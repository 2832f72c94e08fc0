"""What a broker asks of its clients: TLS, logins, rights. A missing one is one clear error, and no secret is shown."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._resource import ResourceType

from headrace.app.model_streams import TopicStream
from headrace.errors import HeadraceError, SinkError, SourceError
from headrace.records import Descriptor, Pin, Publish, SlotKey
from headrace.testing.broker import Broker
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.topics import COMPACTED, Plan, make_topic
from tests.secured import USERS, connect, grant, secured

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.slow]
MODEL = Publish(Descriptor("m", "wine", content=b"<PMML/>"))
__all__ = ["secured"]


def allow(broker: Broker, user: str, topic: str, *operations: AclOperation) -> None:
    grant(broker, user, *((ResourceType.TOPIC, topic, operation) for operation in operations))


def make(broker: Broker, topic: str) -> None:
    make_topic(connect({"bootstrap.servers": broker.inside}), Plan(topic, settings=COMPACTED))


def fail(connection: Connection, topic: str = "nothing") -> str:
    """Give what a publisher is told."""
    with pytest.raises(HeadraceError) as caught:
        TopicStream(connection, topic).append(Pin(SlotKey("wine")))
    assert not any(secret in str(caught.value) for secret in (*USERS.values(), "wrong-secret"))
    return str(caught.value)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN", "OAUTHBEARER"])
def test_a_client_that_is_granted_what_it_needs_publishes_and_reads(secured: Broker, mechanism: str) -> None:
    topic = f"granted-{mechanism}"
    make(secured, topic)
    allow(secured, "alice", topic, AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE)
    settings = secured.settings_of("alice") | {"sasl.mechanism": mechanism}
    if mechanism == "OAUTHBEARER":
        settings |= {"enable.sasl.oauthbearer.unsecure.jwt": "true", "sasl.oauthbearer.config": "principal=alice"}
    stream = TopicStream(connect(settings), topic)
    position, _ = stream.publish(MODEL.descriptor)
    assert [position] == [message.position for message in stream.read()]


def test_a_wrong_password_is_told_as_a_refused_login(secured: Broker) -> None:
    told = fail(connect(secured.settings_of("alice"), sasl_password="wrong-secret"))
    assert "the broker refuses the login" in told
    assert "see that the user, its password or token, and sasl.mechanism are what the broker knows" in told


def test_a_mechanism_that_the_broker_lacks_is_told(secured: Broker) -> None:
    told = fail(connect(secured.settings_of("alice"), sasl_mechanism="SCRAM-SHA-256"))
    assert "supported mechanisms: SCRAM-SHA-512,PLAIN,OAUTHBEARER" in told


def test_a_certificate_that_nobody_vouches_for_is_told(secured: Broker) -> None:
    settings = {name: value for name, value in secured.settings.items() if name != "ssl.ca.location"}
    told = fail(connect(settings))
    assert "TLS fails" in told
    assert "see that ssl.ca.location holds who signed the broker's certificate" in told


def test_the_clear_to_a_broker_that_wants_tls_is_told(secured: Broker) -> None:
    told = fail(connect({"bootstrap.servers": secured.bootstrap}))
    assert "see that the broker runs, and that [kafka] bootstrap.servers and security.protocol are its own" in told


def test_each_missing_right_is_named(secured: Broker) -> None:
    make(secured, "closed")
    mallory = connect(secured.settings_of("mallory"))
    assert "no right to the topic (needed: Describe on topic 'closed')" in fail(mallory, "closed")
    allow(secured, "mallory", "closed", AclOperation.DESCRIBE)
    assert "(needed: Write on topic 'closed')" in fail(mallory, "closed")
    with pytest.raises(SourceError, match=r"no right to the topic \(needed: Read on topic 'closed'\)"):
        TopicStream(mallory, "closed").read()
    with pytest.raises(SinkError, match=r"no right to the topic \(needed: Create on topic 'new'\)"):
        make_topic(mallory, Plan("new"))


def test_no_secret_is_in_what_the_library_logs(secured: Broker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    changed = {"debug": "security,broker", "sasl_password": "wrong-secret"}
    fail(connect(secured.settings_of("alice"), **changed))
    assert caplog.records
    assert "wrong-secret" not in caplog.text


def test_a_key_of_the_clients_own_that_cannot_be_read_is_told(secured: Broker, tmp_path: Path) -> None:
    told = fail(connect(secured.settings, ssl_certificate_location=str(tmp_path / "none.pem")))
    assert "[kafka]: Failed to create admin client: ssl.certificate.location failed" in told
