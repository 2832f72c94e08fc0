"""The model topic on a real broker: written and read, in parts, over compaction, and with messages of any kind."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping

import pytest
from confluent_kafka import Producer

from headrace.errors import CommandError, SourceError
from headrace.records import Command, Descriptor, Malformed, ModelMessage, Publish
from headrace.testing.broker import Broker
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.models import ModelTopic
from headrace.transports.kafka.parts import PART_BYTES
from headrace.transports.kafka.publishing import ModelPublisher, make_model_topic
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import COMPACTED, WHOLE, Plan, make_topic

pytestmark = pytest.mark.slow

LARGE = random.Random(7).randbytes(3 * PART_BYTES + 5)


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def decode(value: bytes) -> Command:
    """A message is the digest that it names, or is none."""
    if value.startswith(b"?"):
        raise CommandError("a question is no command")
    return Publish(Descriptor("m", "wine", digest=value.decode()))


def read(connection: Connection, topic: str, after: int = -1) -> list[ModelMessage]:
    source = ModelTopic(connection, topic, decode, follow=False, wait=0.05, interval=0)
    found: list[ModelMessage] = []
    try:
        source.resume(after)
        while True:
            reading = source.poll()
            found += reading.messages
            if reading.ended:
                return found
    finally:
        source.close()


def read_until(source: ModelTopic, done: Callable[[list[ModelMessage]], bool]) -> list[ModelMessage]:
    found: list[ModelMessage] = []
    while not done(found):
        found += source.poll().messages
    return found


def contents_of(messages: list[ModelMessage]) -> list[bytes | None]:
    return [each.command.descriptor.content for each in messages if isinstance(each.command, Publish)]


def test_an_empty_topic_ends_at_once_and_names_a_time(connection: Connection, topic: str) -> None:
    assert (True, False) == (make_model_topic(connection, topic), make_model_topic(connection, topic))
    assert [] == read(connection, topic)


def test_a_large_model_comes_with_the_publication_that_names_it(connection: Connection, topic: str) -> None:
    make_model_topic(connection, topic)
    with ModelPublisher(connection, topic) as publisher:
        publisher.put(LARGE, digest_of(LARGE))
        position = publisher.append(digest_of(LARGE).encode(), "publish", "wine", "")
        after = publisher.append(b"other", "publish", "wine", "")
    found = read(connection, topic)
    assert (4, 5) == (position, after)
    assert [4, 5] == [message.position for message in found]
    assert [LARGE, None] == contents_of(found)
    assert [5] == [message.position for message in read(connection, topic, after=4)]


@pytest.mark.parametrize(("settings", "inline"), [(COMPACTED, False), (WHOLE, True)])
def test_small_models_go_within_their_publication_where_the_topic_keeps_everything(
    connection: Connection, topic: str, settings: Mapping[str, str], inline: bool
) -> None:
    make_topic(connection, Plan(topic, settings=settings))
    with ModelPublisher(connection, topic) as publisher:
        assert (inline, False) == (publisher.takes_inline(PART_BYTES), publisher.takes_inline(PART_BYTES + 1))


def test_after_compaction_every_publication_is_there_and_the_last_of_each_digest_brings_the_bytes(
    connection: Connection, topic: str
) -> None:
    quick = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "max.compaction.lag.ms": "100"}
    make_topic(connection, Plan(topic, settings={**COMPACTED, **quick}))
    models = [random.Random(seed).randbytes(PART_BYTES + seed) for seed in range(2)]
    with ModelPublisher(connection, topic) as publisher:
        for content in models * 3:
            publisher.put(content, digest_of(content))
            publisher.append(digest_of(content).encode(), "publish", "wine", "")
        before = read(connection, topic)
        compacted = before
        while None not in contents_of(compacted):
            publisher.append(b"?", "pin", "wine", "")
            compacted = read(connection, topic)[: len(before)]
    assert models * 3 == contents_of(before)
    assert [None] * 4 + models == contents_of(compacted)
    assert [each.position for each in before] == [each.position for each in compacted]


def test_messages_without_keys_tombstones_and_garbage_are_read_in_their_order(
    kafka_broker: Broker, connection: Connection, topic: str
) -> None:
    make_topic(connection, Plan(topic, settings=WHOLE))
    producer = Producer({**kafka_broker.settings, "enable.idempotence": True})
    for key, value in ((None, b"first"), (b"key", None), (None, b"?"), (b'["bytes","x",0,1]', b"y"), (b"k", b"last")):
        producer.produce(topic, value, key)
    producer.flush(20)
    found = read(connection, topic)
    assert [0, 2, 4] == [message.position for message in found]
    assert [False, True, False] == [isinstance(message.command, Malformed) for message in found]
    assert Malformed(f"{topic}, offset 2: a question is no command") == found[1].command


def test_control_records_at_the_end_do_not_hold_a_reader(
    kafka_broker: Broker, connection: Connection, topic: str
) -> None:
    make_model_topic(connection, topic)
    producer = Producer({**kafka_broker.settings, "transactional.id": topic})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"committed", b"1")
    producer.commit_transaction(20)
    producer.begin_transaction()
    producer.produce(topic, b"aborted", b"2")
    producer.flush(20)
    producer.abort_transaction(20)
    assert [0] == [message.position for message in read(connection, topic)]


def test_a_reader_goes_on_when_the_broker_comes_back(topic: str) -> None:
    with Broker() as broker:
        connection = Connection(ClientSettings({**broker.settings, "reconnect.backoff.max.ms": 500}))
        make_model_topic(connection, topic)
        source = ModelTopic(connection, topic, decode, wait=0.05)
        with ModelPublisher(connection, topic) as publisher:
            publisher.append(b"before", "publish", "wine", "")
        read_until(source, lambda found: len(found) == 1)
        broker.kill()
        assert () == source.poll().messages
        broker.start()
        with ModelPublisher(connection, topic) as publisher:
            publisher.append(b"after", "publish", "wine", "")
        assert [1] == [each.position for each in read_until(source, lambda found: len(found) == 1)]
        source.close()


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (None, r"has no topic .*: make it first, or mend its name"),
        (Plan("", partitions=2, settings=COMPACTED), r"has 2 partitions: it needs to have one"),
        (Plan("", settings={"cleanup.policy": "delete"}), r"deletes what is old \(retention.ms = 604800000\)"),
        (Plan("", settings={**WHOLE, "retention.bytes": "5000"}), r"deletes what is old \(retention.bytes = 5000\)"),
    ],
)
def test_a_topic_that_is_not_fit_for_models_is_refused(
    connection: Connection, topic: str, plan: Plan | None, told: str
) -> None:
    if plan is not None:
        make_topic(connection, Plan(topic, plan.partitions, settings=plan.settings))
    with pytest.raises(SourceError, match=told):
        read(connection, topic)


def test_a_topic_that_ends_before_what_was_read_is_another(connection: Connection, topic: str) -> None:
    make_model_topic(connection, topic)
    with pytest.raises(SourceError, match=r"ends at 0, and message 3 was read before: it was made anew"):
        read(connection, topic, after=3)
