"""What a configuration file of a Flink engine holds: topics, as for the Kafka engine, and Flink's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.app.configuration import Count
from headrace.app.kafka.configuration import TopicsConfiguration
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


class FlinkConfiguration(TopicsConfiguration, frozen=True, kw_only=True):
    """A whole file. ``kafka`` holds the client's own settings, by the names of Kafka's Java client."""

    engine: FlinkEngineSection

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("start", "follow"):
            if len({getattr(section, key) for section in self.streams}) > 1:
                raise ConfigurationError(f"records.{key} has to be the same for all topics")
        if self.models.follow is not self.streams[0].follow:
            raise ConfigurationError("follow has to be the same for all topics: a job ends as a whole, or never")
        if self.engine.name == "flink-keyed" and self.engine.lanes > 1:
            raise ConfigurationError("engine.lanes is for the engine flink-partitioned: set engine.salt")
        if self.engine.name == "flink-partitioned" and self.engine.salt > 1:
            raise ConfigurationError("engine.salt is for the engine flink-keyed: set engine.lanes")


def load_flink_configuration(file: Path) -> FlinkConfiguration:
    """Read and check a file. Raises ``ConfigurationError``."""
    return read_file(file, FlinkConfiguration)
