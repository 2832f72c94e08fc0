"""What a configuration file of the Beam engine holds: topics, as for the Kafka engine, and Beam's own options."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from headrace.app.configuration import Count
from headrace.app.kafka.configuration import TopicsConfiguration, refuse_unlike
from headrace.app.reading import read_file
from headrace.app.statistics import StatisticsSection
from headrace.errors import ConfigurationError


class BeamEngineSection(msgspec.Struct, frozen=True, kw_only=True):
    """How the pipeline goes about it. ``group`` names the group whose offsets are committed, "" commits none."""

    name: Literal["beam"]
    group: str = ""
    batch_records: Count = 4_096
    step_ms: Count = 100
    options: list[str] = []
    log: Path = Path("beam.log")


class BeamConfiguration(TopicsConfiguration, frozen=True, kw_only=True):
    """A whole file. ``kafka`` holds the client's own settings, by the client's own names."""

    engine: BeamEngineSection
    statistics: StatisticsSection | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_unlike(self.streams)
        if self.models.follow is not self.streams[0].follow:
            raise ConfigurationError("follow has to be the same for all topics: a pipeline ends as a whole, or never")


def load_beam_configuration(file: Path) -> BeamConfiguration:
    """Read and check a file. Raises ``ConfigurationError``."""
    return read_file(file, BeamConfiguration)
