"""What a configuration file of the Kafka engine holds. Every key is explained in ``docs/kafka.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from headrace.app.configuration import (
    AvroSection,
    Count,
    DataTypeSection,
    LoadingSection,
    MonitorSection,
    Name,
    Port,
    ProtobufSection,
    RecordsSection,
    Seconds,
    SlotSection,
    SwitchSection,
    Whole,
)
from headrace.app.reading import read_file
from headrace.errors import ConfigurationError
from headrace.wire.results import Selection, select


class KafkaEngineSection(msgspec.Struct, frozen=True, kw_only=True):
    """The group, and how its instances go about it."""

    name: Literal["kafka"]
    group: Name
    instance: str = ""
    delivery: Literal["exactly-once", "at-least-once"] = "exactly-once"
    batch_records: Count = 10_000
    linger_ms: Whole = 5
    commit_seconds: Seconds = 0.1
    poll_seconds: Seconds = 0.02
    retry_seconds: Seconds = 5.0


class TopicSection(msgspec.Struct, frozen=True, kw_only=True):
    """One topic of records."""

    topic: Name
    format: Literal["json", "protobuf", "avro"]
    data_type: Name | DataTypeSection
    framing: Literal["plain", "registry"] = "plain"
    start: Literal["oldest", "newest"] = "oldest"
    lost_records: Literal["refuse", "skip"] = "refuse"
    follow: bool = True
    declared: list[str] = []
    required: list[str] = []
    required_by_type: dict[str, list[str]] = {}
    id: str = ""
    key: str = ""
    time: str = ""
    time_unit: Literal["s", "ms", "us", "ns"] = "ms"
    schema: dict[str, str] = {}
    schemas: dict[str, dict[str, str]] = {}
    protobuf: ProtobufSection | None = None
    avro: AvroSection | None = None

    def __post_init__(self) -> None:
        if self.format == "avro" and (self.avro is None or self.avro.schema is None):
            raise ConfigurationError("Avro records of a topic need a table [records.avro] that names their schema")
        self.as_records()

    @property
    def stream(self) -> str:
        """The stream's name, as results carry it: the topic's."""
        return self.topic

    def as_records(self) -> RecordsSection:
        """Give what is said of the records as a section of records that has no files."""
        names = {field.name for field in msgspec.structs.fields(RecordsSection)} - {"follow"}
        shared = {name: value for name, value in msgspec.structs.asdict(self).items() if name in names}
        return RecordsSection(path=[], name=self.topic, **shared)


class ModelTopicSection(msgspec.Struct, frozen=True, kw_only=True):
    """The model stream."""

    topic: Name
    follow: bool = True


class ResultLinesSection(msgspec.Struct, frozen=True, kw_only=True):
    """Where results go, as lines of JSON, and what a line holds."""

    topic: Name
    members: list[str] = []

    def __post_init__(self) -> None:
        try:
            select(self.members)
        except ConfigurationError as error:
            raise ConfigurationError(f"results.members: {error}") from error

    @property
    def selection(self) -> Selection:
        """The chosen members."""
        return select(self.members)


class ResultTopicSection(ResultLinesSection, frozen=True, kw_only=True):
    """Where results go, and how they are written."""

    format: Literal["json", "protobuf"] = "json"
    headers: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.members and self.format != "json":
            raise ConfigurationError('results.members chooses members of JSON: set results.format = "json"')


class OutTopicSection(msgspec.Struct, frozen=True, kw_only=True):
    """Where something else goes."""

    topic: Name


class QueriesSection(msgspec.Struct, frozen=True, kw_only=True):
    """Where this instance answers queries of its state, and by which address the others find it."""

    address: Name = "127.0.0.1"
    port: Port = 8888
    advertised: str = ""
    token_env: str = ""
    token_file: Path | None = None


class TopicsConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """What files of engines over other people's runtimes have in common: their topics, all of them named.

    ``kafka`` holds the client's own settings, by the client's own names.
    """

    kafka: dict[str, Any]
    records: TopicSection | list[TopicSection]
    models: ModelTopicSection
    results: ResultLinesSection
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

    @property
    def streams(self) -> list[TopicSection]:
        """The topics of records."""
        return self.records if isinstance(self.records, list) else [self.records]


class KafkaConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file. ``kafka`` holds the client's own settings, by the client's own names."""

    engine: KafkaEngineSection
    kafka: dict[str, Any]
    records: TopicSection | list[TopicSection]
    models: ModelTopicSection
    dead_letters: OutTopicSection
    results: ResultTopicSection | None = None
    events: OutTopicSection | None = None
    state: OutTopicSection | None = None
    queries: QueriesSection | None = None
    monitor: MonitorSection | None = None
    loading: LoadingSection = LoadingSection()
    switch: SwitchSection = SwitchSection()
    slots: dict[str, SlotSection] = {}

    def __post_init__(self) -> None:
        if not self.streams:
            raise ConfigurationError("there are no records: give at least one table [[records]]")
        names = [*(section.topic for section in self.streams), self.models.topic, self.dead_letters.topic, self.kept]
        names += [section.topic for section in (self.results, self.events) if section is not None]
        refuse_repeated(names)
        refuse_unlike(self.streams)

    @property
    def streams(self) -> list[TopicSection]:
        """The topics of records."""
        return self.records if isinstance(self.records, list) else [self.records]

    @property
    def kept(self) -> str:
        """The topic of the state."""
        return f"{self.engine.group}-state" if self.state is None else self.state.topic


def refuse_unlike(streams: Sequence[TopicSection]) -> None:
    """Check that all topics are begun and followed alike. Raises ``ConfigurationError``."""
    for key in ("start", "lost_records", "follow"):
        if len({getattr(section, key) for section in streams}) > 1:
            raise ConfigurationError(f"records.{key} has to be the same for all topics")


def refuse_repeated(topics: Sequence[str]) -> None:
    """Check that no topic is named twice. Raises ``ConfigurationError``."""
    twice = sorted({topic for topic in topics if topics.count(topic) > 1})
    if twice:
        raise ConfigurationError(f"the topic {twice[0]!r} is named twice: each needs one of its own")


def load_kafka_configuration(file: Path) -> KafkaConfiguration:
    """Read and check a file. Raises ``ConfigurationError``."""
    return read_file(file, KafkaConfiguration)
