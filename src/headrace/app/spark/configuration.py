"""What a configuration file of the Spark engine holds: topics, as for the Kafka engine, and Spark's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.app.configuration import Count, Whole
from headrace.app.kafka.configuration import TopicsConfiguration, refuse_unlike
from headrace.app.reading import read_file
from headrace.app.statistics import StatisticsSection
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
    parts: bool = False
    conf: dict[str, Any] = {}


class SparkConfiguration(TopicsConfiguration, frozen=True, kw_only=True):
    """A whole file. ``kafka`` holds the client's own settings, by the names of Kafka's Java client."""

    engine: SparkEngineSection
    statistics: StatisticsSection | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_unlike(self.streams)
        if self.models.follow is not self.streams[0].follow:
            raise ConfigurationError("follow has to be the same for all topics: a query ends as a whole, or never")


def load_spark_configuration(file: Path) -> SparkConfiguration:
    """Read and check a file. Raises ``ConfigurationError``."""
    return read_file(file, SparkConfiguration)
