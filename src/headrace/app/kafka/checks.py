"""What of a configuration over topics needs looking at its cluster: topics, and the rights to them.

Engines over other people's runtimes may have the settings of Kafka's Java client, by which nothing can be asked from
here: what their files say is checked, and it is told that nobody has looked at the topics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.app.kafka.engine import build_topic_stream, open_connection
from headrace.app.monitoring import build_access
from headrace.app.settings import build_settings
from headrace.app.supply import build_options, read_mappings
from headrace.transports.kafka.settings import flatten_settings, read_settings
from headrace.transports.kafka.topics import find_topic, need_model_topic, need_topic

if TYPE_CHECKING:
    from headrace.app.kafka.configuration import KafkaConfiguration, TopicsConfiguration
    from headrace.app.kafka.engine import TopicStream
    from headrace.transports.kafka.connection import Connection


def survey_topics(configuration: KafkaConfiguration, directory: Path, engine: str) -> dict[str, str]:
    """Look at everything that a run would need; give what would run, in words, by name.

    Raises ``ConfigurationError``, ``MissingExtraError``, and ``SourceError`` for the first that is not as it has to be.
    """
    streams = [build_topic_stream(section) for section in configuration.streams]
    if configuration.monitor is not None:
        build_access(configuration.monitor)
    connection = open_connection(configuration, directory)
    section = configuration.engine
    told = {"engine": f"{engine}, {section.delivery}", "group": section.group, "cluster": connection.settings.servers}
    told |= _tell_topics(configuration, streams, connection)
    there = find_topic(connection, configuration.kept) is not None
    told["state"] = configuration.kept + ("" if there else ", which the first run makes")
    told["switch"] = _tell_switch(configuration)
    return told


def survey_job(configuration: TopicsConfiguration, directory: Path, engine: str) -> dict[str, str]:
    """Do the same for an engine over another runtime, by its name."""
    streams = [build_topic_stream(section) for section in configuration.streams]
    settings = build_settings(configuration, streams)
    build_options(configuration, settings)
    read_mappings(configuration)
    connection = open_connection(configuration, directory) if engine == "beam" else None
    client = read_settings(flatten_settings(configuration.kafka, directory))
    told = {"engine": engine, "cluster": client.servers}
    told |= _tell_topics(configuration, streams, connection)
    told["switch"] = _tell_switch(configuration)
    if connection is None:
        told["topics"] = "not looked at, for the settings are those of Kafka's Java client"
    return told


def _tell_topics(
    configuration: KafkaConfiguration | TopicsConfiguration,
    streams: Sequence[TopicStream],
    connection: Connection | None,
) -> dict[str, str]:
    """Say which topics there are; without a connection nobody looks whether they are there."""
    told = {}
    for stream in streams:
        section = stream.section
        told[f"records {section.topic}"] = ", ".join([section.format, *_count(connection, section.topic)])
    models = configuration.models.topic
    told["models"] = models if connection is None else need_model_topic(connection, models).name
    for name, outlet in (
        ("results", configuration.results),
        ("dead_letters", configuration.dead_letters),
        ("events", configuration.events),
    ):
        if outlet is not None:
            told[name] = ", ".join([outlet.topic, *_count(connection, outlet.topic)])
    return told


def _tell_switch(configuration: KafkaConfiguration | TopicsConfiguration) -> str:
    return f"{configuration.switch.mode}; without a model: {configuration.switch.no_model}"


def _count(connection: Connection | None, topic: str) -> Iterator[str]:
    if connection is not None:
        partitions = need_topic(connection, topic).partitions
        yield "1 partition" if partitions == 1 else f"{partitions} partitions"
