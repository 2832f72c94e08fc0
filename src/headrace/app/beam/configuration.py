"""What a configuration file of the Beam engine holds: topics, as for the Kafka engine, and Beam's own options."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.app.configuration import Count, LoadingSection, SlotSection, SwitchSection
from headrace.app.kafka.configuration import ModelTopicSection, OutTopicSection, TopicSection, refuse_repeated
from headrace.app.reading import read_file
from headrace.errors import ConfigurationError


class BeamEngineSection(msgspec.Struct, frozen=True, kw_only=True):
    """How the pipeline goes about it. ``group`` names the group whose offsets are committed, "" commits none."""

    name: Literal["beam"]
    group: str = ""
    batch_records: Count = 4_096
    step_ms: Count = 100
    options: list[str] = []


class BeamConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file. ``kafka`` holds the client's own settings, by the client's own names."""

    engine: BeamEngineSection
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
        follows = {section.follow for section in self.streams} | {self.models.follow}
        if len(follows) > 1:
            raise ConfigurationError("follow has to be the same for all topics: a pipeline ends as a whole, or never")

    @property
    def streams(self) -> list[TopicSection]:
        """The topics of records."""
        return self.records if isinstance(self.records, list) else [self.records]


def load_beam_configuration(file: Path) -> BeamConfiguration:
    """Read and check a file. Raises ``ConfigurationError``."""
    return read_file(file, BeamConfiguration)
