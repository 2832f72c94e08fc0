"""What of a Kafka engine's configuration needs looking at its cluster: topics, and the rights to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headrace.app.kafka.engine import build_topic_stream, open_connection
from headrace.app.monitoring import build_access
from headrace.transports.kafka.topics import find_topic, need_model_topic, need_topic

if TYPE_CHECKING:
    from headrace.app.kafka.configuration import KafkaConfiguration


def survey_topics(configuration: KafkaConfiguration, directory: Path) -> dict[str, str]:
    """Look at everything that a run would need; give what would run, in words, by name.

    Raises ``ConfigurationError``, ``MissingExtraError``, and ``SourceError`` for the first that is not as it has to be.
    """
    streams = [build_topic_stream(section) for section in configuration.streams]
    if configuration.monitor is not None:
        build_access(configuration.monitor)
    connection = open_connection(configuration, directory)
    engine = configuration.engine
    told = {"engine": f"kafka, {engine.delivery}", "group": engine.group, "cluster": connection.settings.servers}
    for stream in streams:
        section = stream.section
        count = need_topic(connection, section.topic).partitions
        told[f"records {section.topic}"] = f"{section.format}, {_count(count)}"
    told["models"] = need_model_topic(connection, configuration.models.topic).name
    for name, outlet in (
        ("results", configuration.results),
        ("dead_letters", configuration.dead_letters),
        ("events", configuration.events),
    ):
        if outlet is not None:
            told[name] = f"{outlet.topic}, {_count(need_topic(connection, outlet.topic).partitions)}"
    there = find_topic(connection, configuration.kept) is not None
    told["state"] = configuration.kept + ("" if there else ", which the first run makes")
    told["switch"] = f"{configuration.switch.mode}; without a model: {configuration.switch.no_model}"
    return told


def _count(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"
