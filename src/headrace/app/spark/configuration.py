"""What a configuration file of the Spark engine holds: topics, as for the Kafka engine, and Spark's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.app.configuration import Count, LoadingSection, SlotSection, SwitchSection, Whole
from headrace.app.kafka.configuration import ModelTopicSection, OutTopicSection, TopicSection, refuse_repeated
from headrace.app.reading import read_file
from headrace.errors import ConfigurationError


class SparkEngineSection(msgspec.Struct, frozen=True, kw_only=True):
    """How the query goes about it. ``conf`` holds Spark's own settings, by Spark's own names."""

    name: Literal["spark"]
    checkpoint: str
    log: Path = Path("spark.log")
    master: str = "local[*]"
    trigger_ms: Whole = 0
    batch_records: Count = 100_000
    partitions: Count = 4
    salts: Count = 1
    delay_ms: Whole = 10_000
    conf: dict[str, Any] = {}


class SparkConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file. ``kafka`` holds the client's own settings, by the names of Kafka's Java client."""

    engine: SparkEngineSection
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
        for key in ("start", "lost_records", "follow"):
            if len({getattr(section, key) for section in self.streams}) > 1:
                raise ConfigurationError(f"records.{key} has to be the same for all topics")
        if self.models.follow is not self.streams[0].follow:
            raise ConfigurationError("follow has to be the same for all topics: a query ends as a whole, or never")

    @property
    def streams(self) -> list[TopicSection]:
        """The topics of records."""
        return self.records if isinstance(self.records, list) else [self.records]


def load_spark_configuration(file: Path) -> SparkConfiguration:
    """Read and check a file. Raises ``ConfigurationError``."""
    return read_file(file, SparkConfiguration)
