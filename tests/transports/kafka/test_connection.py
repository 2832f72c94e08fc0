"""Clients and their errors, without a broker: librdkafka's own mock cluster, and addresses where nobody is."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from headrace.errors import ConfigurationError, SinkError, SourceError
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.models import ModelTopic
from headrace.transports.kafka.settings import ClientSettings, Setting, read_settings
from headrace.transports.kafka.topics import find_topic, need_topic
from headrace.transports.kafka.troubles import TROUBLES, error_of, explain


def mock(**more: str | int) -> Connection:
    """Connect to brokers that the client itself plays; each client has brokers of its own."""
    settings = {"bootstrap.servers": "mock:1", "test.mock.num.brokers": 1, **more}
    return Connection(ClientSettings(settings), seconds=10)


def test_a_cluster_is_asked_for_its_brokers() -> None:
    assert [1] == list(mock().fetch_metadata().brokers)


def test_a_producer_delivers_and_tells_when_it_is_done() -> None:
    connection = mock()
    producer = connection.open_producer({"linger.ms": 0})
    places: list[int | None] = []
    for number in range(3):
        producer.produce("wines", str(number).encode(), on_delivery=lambda _, message: places.append(message.offset()))
    assert (0, None) == connection.serve(producer.flush, 20)
    assert len(places) == 3


def test_a_fatal_error_is_given_whichever_way_the_client_raises_it() -> None:
    fatal = KafkaError(KafkaError._FATAL, "fenced", fatal=True)

    def from_a_callback(_: float) -> int:
        raise SystemError("returned a result with an exception set") from KafkaException(fatal)

    def at_once(_: float) -> int:
        raise KafkaException(fatal)

    assert [(0, fatal)] * 2 == [mock().serve(call, 0) for call in (from_a_callback, at_once)]
    with pytest.raises(SystemError, match="another"):
        mock().serve(lambda _: (_ for _ in ()).throw(SystemError("another")), 0)


def test_where_nobody_is_that_is_told_after_the_time_allowed() -> None:
    connection = Connection(ClientSettings({"bootstrap.servers": "127.0.0.1:1"}), seconds=0.5)
    with pytest.raises(
        SourceError, match=r"Kafka at 127.0.0.1:1 cannot be asked for its topics: no broker can be reached.*refused"
    ):
        find_topic(connection, "wines")


def test_a_host_that_is_not_known_is_told_at_once() -> None:
    connection = Connection(ClientSettings({"bootstrap.servers": "no-such-host.invalid:1"}), seconds=100)
    with pytest.raises(SourceError, match=r"the broker's host name is not known.*mend \[kafka\] bootstrap.servers"):
        connection.fetch_metadata()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"lingers": 5}, r'\[kafka\]: No such configuration property: "lingers"'),
        ({"linger.ms": "soon"}, r"\[kafka\]: Invalid value for configuration property"),
        (
            {"security.protocol": "TLS"},
            r'\[kafka\]: Invalid value "TLS" for configuration property "security.protocol"',
        ),
    ],
)
def test_a_setting_that_the_library_refuses_is_told(settings: dict[str, str | int], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        mock(**settings).fetch_metadata()


def test_a_secret_that_the_library_refuses_is_not_shown() -> None:
    flat = {"bootstrap.servers": "a:1", "security.protocol": "SSL", "ssl.key.pem.env": "KEY"}
    with pytest.raises(ConfigurationError) as caught:
        Connection(read_settings(flat, {"KEY": "not-a-key"})).fetch_metadata()
    assert "not-a-key" not in str(caught.value)


def test_what_belongs_to_members_of_a_group_does_not_keep_readers_out() -> None:
    connection = mock(**{"group.instance.id": "one", "group.protocol": "consumer", "transactional.id": "t"})
    reader = connection.open_reader({})
    assert [1] == list(reader.list_topics(timeout=10).brokers)
    reader.close()


def test_an_absent_topic_is_none_and_needing_it_is_an_error() -> None:
    connection = mock(**{"allow.auto.create.topics": "false"})
    with pytest.raises(SourceError, match="wines"):
        need_topic(connection, "wines")


def test_a_reader_that_was_not_started_closes() -> None:
    ModelTopic(mock(), "models", lambda _: pytest.fail("nothing is read")).close()


@pytest.mark.parametrize("code", sorted(TROUBLES))
def test_every_error_that_is_known_says_what_is_wrong_and_what_to_do(code: int) -> None:
    advice = TROUBLES[code]
    told = explain(KafkaError(code, "the library's own words"), "Read on topic 'x'")
    assert told.startswith(advice.wrong)
    assert told.endswith(f"; {advice.remedy} ({KafkaError(code).name()})")
    assert advice.detail == ("the library's own words" in told)


def test_an_error_that_is_not_known_is_told_in_the_librarys_words() -> None:
    error = KafkaError(KafkaError.INVALID_RECORD)
    assert f"{error.str()} (INVALID_RECORD)" == explain(KafkaException(error))
    assert "odd" in explain(KafkaException("odd"))
    assert error is error_of(error)


def test_why_there_is_no_connection_is_told_instead_of_that_there_is_none() -> None:
    connection = mock()
    late = KafkaError(KafkaError._TIMED_OUT)
    connection._hear(KafkaError(KafkaError._AUTHENTICATION, "wrong password"))
    connection._hear(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    told = str(connection.fail(SinkError, "cannot write", late))
    assert told.startswith("Kafka at mock:1 cannot write: the broker refuses the login: wrong password")
    refused = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    told = str(connection.fail(SinkError, "cannot write", refused, "Write on topic 'x'"))
    assert "needed: Write on topic 'x'" in told


def test_producers_of_the_library_itself_take_the_same_settings() -> None:
    """What an engine tells its own clients is what a configuration says."""
    flat: dict[str, Setting] = {
        "bootstrap.servers": "mock:1",
        "test.mock.num.brokers": 1,
        "producer.linger.ms": 3,
        "consumer.group.id": "g",
    }
    settings = read_settings(flat, {})
    assert {"bootstrap.servers": "mock:1", "test.mock.num.brokers": 1, "linger.ms": 3} == settings.tell("producer")
    producer = Producer(dict(settings.tell("producer")))
    assert [1] == list(producer.list_topics(timeout=10).brokers)
