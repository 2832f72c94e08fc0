"""A Kafka engine's configuration to a monitor of its whole group, which any instance serves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.app.kafka.looking import GroupTopics, open_group
from headrace.app.model_streams import TopicStream
from headrace.app.monitoring import Station, build_access, build_telemetry, preview_letter, take_address
from headrace.errors import ConfigurationError, SourceError
from headrace.monitor.grouping import GroupWatcher
from headrace.monitor.watcher import EVENTS

if TYPE_CHECKING:
    import socket

    from headrace.app.configuration import MonitorSection
    from headrace.app.kafka.configuration import KafkaConfiguration
    from headrace.records import Command, Descriptor

PORTS = 100
"""How many ports are tried: each further instance on a machine has the next one."""


@dataclass(frozen=True, slots=True)
class TopicSteering:
    """A ``Steering`` that writes to a model topic."""

    stream: TopicStream

    def publish(self, descriptor: Descriptor) -> tuple[int, Descriptor]:
        """Append a publication."""
        return self.stream.publish(descriptor)

    def send(self, command: Command) -> int:
        """Append another command."""
        return self.stream.append(command)


@dataclass(frozen=True, slots=True)
class GroupRecords:
    """The ``Records`` that the instances of a group write."""

    topics: GroupTopics
    instance: str

    def read_events(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Read the last events that this instance told; none where the topic cannot be read yet."""
        try:
            return self.topics.read_last_events(limit, self.instance)
        except SourceError:
            return []

    def read_dead_letters(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Read the last dead letters of the group, newest first."""
        return [preview_letter(each) for each in self.topics.read_last_letters(limit)]

    def find_problems(self) -> Sequence[str]:
        """Tell of none: what keeps the engine from writing keeps the group's numbers from being read."""
        return []

    def describe_engine(self) -> Mapping[str, Any]:
        """Tell what the engine reads and writes."""
        configuration = self.topics.configuration
        return {
            "engine": configuration.engine.name,
            "process": os.getpid(),
            "group": configuration.engine.group,
            "instance": self.instance,
            "records": [section.topic for section in configuration.streams],
            "models": configuration.models.topic,
            "results": None if configuration.results is None else configuration.results.topic,
            "dead_letters": configuration.dead_letters.topic,
            "state": configuration.kept,
        }


@contextmanager
def open_group_station(configuration: KafkaConfiguration, directory: Path, instance: str) -> Iterator[Station | None]:
    """Take the monitor's address and follow the group for as long as the block takes; None where none is configured.

    Raises ``ConfigurationError`` where no port is free or the address needs a token, and ``MissingExtraError``.
    """
    section = configuration.monitor
    if section is None:
        yield None
        return
    access = build_access(section)
    topics = open_group(configuration, directory)
    follower = topics.follow()
    records = GroupRecords(topics, instance)
    steering = TopicSteering(TopicStream(topics.connection, configuration.models.topic))
    with _take_free(section) as taken:
        watcher = GroupWatcher(lambda: follower.standing, records.read_events(EVENTS))
        follower.start()
        try:
            yield Station(section, access, taken, records, steering, watcher, build_telemetry(section))
        finally:
            follower.close()


def _take_free(section: MonitorSection) -> socket.socket:
    """Take the first free port from the configured one on."""
    last = section.port + PORTS if section.port else 1
    for port in range(section.port, last - 1):
        try:
            return take_address(section.address, port)
        except ConfigurationError:
            continue
    return take_address(section.address, last - 1)
