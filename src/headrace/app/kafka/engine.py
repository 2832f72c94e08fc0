"""A configuration to a Kafka engine that is ready to run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from headrace.app.inlets import build_json, build_layout, build_protobuf, read_schema
from headrace.app.settings import build_settings
from headrace.app.supply import build_loader, read_mappings, with_mappings
from headrace.catalog import load_target
from headrace.core.events import describe_event
from headrace.engines.kafka.engine import KafkaEngine
from headrace.engines.kafka.parts import Delivery, Encoders, Group, Manner, Parts, Topics
from headrace.engines.kafka.queries import Desk
from headrace.errors import ConfigurationError
from headrace.machinery.parts import Cadence
from headrace.stores.contents import MemoryContents
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.models import ModelTopic
from headrace.transports.kafka.settings import flatten_settings, read_settings
from headrace.wire.dead_letters import encode_dead_letters
from headrace.wire.descriptor import decode_command
from headrace.wire.registry import RegistryCodec
from headrace.wire.results import ALL, encode_json, encode_protobuf

if TYPE_CHECKING:
    from headrace.abc.codec import Codec
    from headrace.abc.observer import Observer
    from headrace.app.kafka.configuration import KafkaConfiguration, QueriesSection, TopicsConfiguration, TopicSection
    from headrace.core.events import Event
    from headrace.records import DeadLetters
    from headrace.wire.layout import Layout


_MODEL_WAIT = 0.02
"""How long a look at the model topic may take, in seconds: what comes meanwhile is seen at once."""


@dataclass(frozen=True, slots=True)
class TopicStream:
    """One topic of records, and how they are read."""

    section: TopicSection
    layout: Layout
    codec: Codec


def build_kafka_engine(
    configuration: KafkaConfiguration, directory: Path, instance: str, observers: Sequence[Observer] = ()
) -> KafkaEngine:
    """Build an engine; running it closes what is opened here. Give it a thread that runs nothing else.

    ``directory`` is the configuration's, to which its paths are relative. ``instance`` is unique within the group, and
    the same again when the instance is started again.

    Raises ``ConfigurationError``, ``MissingExtraError``.
    """
    streams = [build_topic_stream(section) for section in configuration.streams]
    settings = build_settings(configuration, streams)
    connection = open_connection(configuration, directory)
    with ExitStack() as opened:
        desk = open_desk(configuration)
        if desk is not None:
            opened.callback(desk.close)
        group = build_group(configuration, instance, "" if desk is None else desk.address)
        loader = build_loader(configuration, settings)
        opened.callback(loader.close)
        section = configuration.models
        decode = with_mappings(decode_command, read_mappings(configuration))
        parts = Parts(
            connection=connection,
            group=group,
            topics=build_topics(configuration, streams),
            encoders=_build_encoders(configuration),
            models=ModelTopic(connection, section.topic, decode, follow=section.follow, wait=_MODEL_WAIT),
            loader=loader,
            contents=MemoryContents(),
            manner=build_manner(configuration),
            observers=observers,
            desk=desk,
        )
        engine = KafkaEngine(settings, parts, _build_cadence(configuration))
        opened.pop_all()
        return engine


def open_connection(configuration: KafkaConfiguration | TopicsConfiguration, directory: Path) -> Connection:
    """Open the way to the cluster. Raises ``ConfigurationError``."""
    return Connection(read_settings(flatten_settings(configuration.kafka, directory)))


def build_topic_stream(section: TopicSection) -> TopicStream:
    """Build how one topic is read. Raises ``ConfigurationError``, ``MissingExtraError``."""
    records = section.as_records()
    layout = build_layout(records)
    codec: Codec
    match section.format:
        case "json":
            codec = build_json(records, layout)
        case "protobuf":
            codec = build_protobuf(records, layout)
        case "avro":
            assert section.avro is not None
            assert section.avro.schema is not None
            made = load_target("headrace.wire.avro:AvroCodec", extra="avro", purpose="the record format 'avro'")
            codec = made(layout, read_schema(section.avro.schema))
    if section.framing == "registry":
        codec = RegistryCodec(codec, indexed=section.format == "protobuf")
    return TopicStream(section, layout, codec)


def build_topics(configuration: KafkaConfiguration, streams: Sequence[TopicStream]) -> Topics:
    """Give the topics' names, and the codecs of those of records."""
    return Topics(
        records={stream.section.topic: stream.codec for stream in streams},
        dead_letters=configuration.dead_letters.topic,
        state=configuration.kept,
        results="" if configuration.results is None else configuration.results.topic,
        events="" if configuration.events is None else configuration.events.topic,
    )


def build_group(configuration: KafkaConfiguration, instance: str, address: str = "") -> Group:
    """Give this instance's place in its group."""
    section = configuration.engine
    return Group(section.group, instance, fixed=bool(section.instance), address=address)


def open_desk(configuration: KafkaConfiguration) -> Desk | None:
    """Open where this instance answers questions, if it is to. Raises ``ConfigurationError``."""
    section = configuration.queries
    if section is None:
        return None
    return Desk(section.address, section.port, section.advertised, read_token(section))


def read_token(section: QueriesSection) -> str:
    """Read the token that questions have to bring, "" for none. Raises ``ConfigurationError``."""
    if section.token_env:
        token = os.environ.get(section.token_env, "")
        where = f"the environment variable {section.token_env}"
    elif section.token_file is not None:
        try:
            token = section.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"queries.token_file {section.token_file} cannot be read: {error}") from error
        where = str(section.token_file)
    else:
        return ""
    if not token:
        raise ConfigurationError(f"queries: {where} holds no token")
    return token


def build_manner(configuration: KafkaConfiguration) -> Manner:
    """Give how the engine goes about it."""
    section, records, results = configuration.engine, configuration.streams[0], configuration.results
    return Manner(
        delivery=Delivery(section.delivery),
        linger=section.linger_ms / 1_000,
        from_start=records.start == "oldest",
        skip_lost=records.lost_records == "skip",
        follow=records.follow,
        headers=results is None or results.headers,
    )


def _build_cadence(configuration: KafkaConfiguration) -> Cadence:
    section = configuration.engine
    return Cadence(section.batch_records, section.commit_seconds, section.poll_seconds, section.retry_seconds)


def _build_encoders(configuration: KafkaConfiguration) -> Encoders:
    section = configuration.results
    if section is not None and section.format == "protobuf":
        return Encoders(encode_protobuf, _encode_letters, _encode_event)
    selection = ALL if section is None else section.selection
    return Encoders(lambda results: encode_json(results, selection), _encode_letters, _encode_event)


def _encode_letters(letters: DeadLetters) -> list[bytes]:
    return encode_dead_letters(letters).splitlines()


def _encode_event(event: object) -> bytes:
    return msgspec.json.encode(describe_event(cast("Event", event)))
