"""What a configuration file of a Flink engine holds: topics, as for the Kafka engine, and Flink's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.app.configuration import Count, LoadingSection, SlotSection, SwitchSection
from headrace.app.kafka.configuration import ModelTopicSection, OutTopicSection, TopicSection, refuse_repeated
from headrace.app.reading import read_file
from headrace.errors import ConfigurationError

ENGINES = ("flink-keyed", "flink-partitioned")


class FlinkEngineSection(msgspec.Struct, frozen=True, kw_only=True):
    """How the job goes about it. ``conf`` holds Flink's own settings, by Flink's own names."""

    name: Literal["flink-keyed", "flink-partitioned"]
    checkpoints: str
    checkpoint_ms: Count = 5_000
    delivery: Literal["exactly-once", "at-least-once", "none"] = "exactly-once"
    transactions: str = "headrace"
    group: str = ""
    parallelism: Count = 1
    batch_records: Count = 4_096
    delay_ms: Count = 50
    step_ms: Count = 100
    salt: Count = 1
    lanes: Count = 1
    conf: dict[str, Any] = {}


class FlinkConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file. ``kafka`` holds the client's own settings, by the names of Kafka's Java client."""

    engine: FlinkEngineSection
    kafka: dict[str, Any]
    records: TopicSection | list[TopicSection]
    models: ModelTopicSection
    results: OutTopicSection
    dead_letters: OutTopicSection
    events: OutTopicSection | None = None
    loading: LoadingSection = LoadingSection()
    switch: SwitchSection = SwitchSection()
    slots: dict[str, SlotSection] = {}

    def __post_init__(self) -> None:
        if not self.streams:
            raise ConfigurationError("there are no records: give at least one table [[records]]")
        names = [*(section.topic for section in self.streams), self.models.topic]
        names += [section.topic for section in (self.results, self.dead_letters, self.events) if section is not None]
        refuse_repeated(names)
        for key in ("start", "follow"):
            if len({getattr(section, key) for section in self.streams}) > 1:
                raise ConfigurationError(f"records.{key} has to be the same for all topics")
        if self.models.follow is not self.streams[0].follow:
            raise ConfigurationError("follow has to be the same for all topics: a job ends as a whole, or never")
        if self.engine.name == "flink-keyed" and self.engine.lanes > 1:
            raise ConfigurationError("engine.lanes is for the engine flink-partitioned: set engine.salt")
        if self.engine.name == "flink-partitioned" and self.engine.salt > 1:
            raise ConfigurationError("engine.salt is for the engine flink-keyed: set engine.lanes")

    @property
    def streams(self) -> list[TopicSection]:
        """The topics of records."""
        return self.records if isinstance(self.records, list) else [self.records]


def load_flink_configuration(file: Path) -> FlinkConfiguration:
    """Read and check a file. Raises ``ConfigurationError``."""
    return read_file(file, FlinkConfiguration)
