"""What a configuration file holds: one struct a section. Every key is explained in ``docs/configuration.md``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from headrace.app.reading import read_file
from headrace.core.settings import OrderedBy
from headrace.errors import ConfigurationError
from headrace.records import NoModelPolicy, SwitchMode

Count = Annotated[int, msgspec.Meta(ge=1)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Name = Annotated[str, msgspec.Meta(min_length=1)]

RecordFormat = Literal["json", "csv", "protobuf", "avro", "parquet", "arrow"]
IfExists = Literal["refuse", "append", "overwrite"]


class EngineSection(msgspec.Struct, frozen=True, kw_only=True):
    """Which engine runs, how much it takes at once and how often it commits."""

    name: Literal["embedded"] = "embedded"
    batch_records: Count = 4_096
    commit_seconds: Seconds = 1.0
    poll_seconds: Seconds = 0.02
    retry_seconds: Seconds = 5.0


class DataTypeSection(msgspec.Struct, frozen=True, kw_only=True):
    """Where a record's data type is found, if it is not the same for all."""

    field: Name | None = None
    branch: str | None = None
    topic: dict[str, str] | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("field", "branch", "topic") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ConfigurationError(f"name one of field, branch and topic, not {' and '.join(given) or 'none'}")


class CsvSection(msgspec.Struct, frozen=True, kw_only=True):
    """How lines of CSV are divided into cells."""

    delimiter: str = ","
    quote: str = '"'
    columns: list[str] = []
    missing: list[str] = msgspec.field(default_factory=lambda: ["", "NA", "N/A"])


class ProtobufSection(msgspec.Struct, frozen=True, kw_only=True):
    """Where the message type of protobuf records is found."""

    message: Name
    descriptor_set: Path | None = None
    module: str = ""

    def __post_init__(self) -> None:
        if (self.descriptor_set is None) == (not self.module):
            raise ConfigurationError("set descriptor_set (a file) or module (a compiled *_pb2), one of the two")


class AvroSection(msgspec.Struct, frozen=True, kw_only=True):
    """How Avro records are read; object container files bring their own schema."""

    # Named after the key of the file: `schema` is what Avro calls it.
    schema: Path | None = None


class RecordsSection(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of records."""

    path: Path | list[Path]
    format: RecordFormat
    data_type: Name | DataTypeSection
    name: str = ""
    declared: list[str] = []
    required: list[str] = []
    required_by_type: dict[str, list[str]] = {}
    id: str = ""
    key: str = ""
    time: str = ""
    time_unit: Literal["s", "ms", "us", "ns"] = "ms"
    follow: bool = False
    rate: Annotated[float, msgspec.Meta(gt=0)] | None = None
    schema: dict[str, str] = {}
    schemas: dict[str, dict[str, str]] = {}
    csv: CsvSection | None = None
    protobuf: ProtobufSection | None = None
    avro: AvroSection | None = None

    def __post_init__(self) -> None:
        for name in ("csv", "protobuf", "avro"):
            if getattr(self, name) is not None and self.format != name:
                raise ConfigurationError(f"the table {name} does not go with format = {self.format!r}")
        if self.format == "protobuf" and self.protobuf is None:
            raise ConfigurationError("protobuf records need a table [records.protobuf] that names their message")

    @property
    def paths(self) -> list[Path]:
        """The files, or patterns of files, in the order in which they are given."""
        return self.path if isinstance(self.path, list) else [self.path]

    @property
    def csv_or_default(self) -> CsvSection:
        """How lines are divided, as configured or by default."""
        return self.csv or CsvSection()

    @property
    def stream(self) -> str:
        """The stream's name, as results carry it: as configured, else the first file's own."""
        return self.name or (self.paths[0].name if self.paths else "")


class ModelsSection(msgspec.Struct, frozen=True, kw_only=True):
    """The model stream."""

    log: Path
    follow: bool = True


class LoadingSection(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate may use while it is loaded, verified and warmed."""

    checker: Literal["process", "inline"] = "process"
    locations: list[str] = []
    max_model_bytes: Count = 512 * 2**20
    memory_bytes: Count = 4 * 2**30
    cpu_seconds: Count = 60
    wall_seconds: Seconds = 60.0
    formats: dict[str, str] = {}
    format_options: dict[str, dict[str, Any]] = {}


class SwitchSection(msgspec.Struct, frozen=True, kw_only=True):
    """When models switch, what happens without one, and how much is kept; a slot's own table goes before it."""

    mode: SwitchMode = SwitchMode.READY
    no_model: NoModelPolicy = NoModelPolicy.SKIP
    ordered_by: OrderedBy = OrderedBy.TIMESTAMP
    lateness_ms: Whole = 60_000
    queue_records: Count = 10_000
    retain: Count = 10


class SlotSection(msgspec.Struct, frozen=True, kw_only=True):
    """What is different for one slot; naming a slot declares it, so that it is addressed from the start."""

    mode: SwitchMode | None = None
    no_model: NoModelPolicy | None = None
    mapping: dict[str, str | list[str]] = {}


class ResultsSection(msgspec.Struct, frozen=True, kw_only=True):
    """Where results are written."""

    path: Path
    format: Literal["json", "csv", "parquet", "arrow"] = "json"
    if_exists: IfExists = "refuse"


class DeadLettersSection(msgspec.Struct, frozen=True, kw_only=True):
    """Where dead letters are written."""

    path: Path
    format: Literal["json", "parquet", "arrow"] = "json"
    if_exists: IfExists = "refuse"


class StateSection(msgspec.Struct, frozen=True, kw_only=True):
    """Where the engine keeps what outlives it."""

    directory: Path


class OtelSection(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to an OpenTelemetry collector; what is not said here is taken from the variables ``OTEL_...``."""

    endpoint: str = ""
    traces: bool = True
    metrics: bool = True
    every_seconds: Seconds = 60.0

    def __post_init__(self) -> None:
        if self.endpoint and not self.endpoint.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"endpoint is {self.endpoint!r}: write the collector's address, such as http://localhost:4318"
            )


class MonitorSection(msgspec.Struct, frozen=True, kw_only=True):
    """Where the engine can be watched and steered; without this table it is not served."""

    address: Name = "127.0.0.1"
    port: Port = 5000
    read_token_env: str = ""
    read_token_file: Path | None = None
    write_token_env: str = ""
    write_token_file: Path | None = None
    hosts: list[str] = []
    max_body_bytes: Count = 64 * 2**20
    otel: OtelSection | None = None

    def __post_init__(self) -> None:
        for name in ("read_token", "write_token"):
            if getattr(self, f"{name}_env") and getattr(self, f"{name}_file"):
                raise ConfigurationError(f"set {name}_env or {name}_file, one of the two")


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file."""

    records: RecordsSection | list[RecordsSection]
    models: ModelsSection
    results: ResultsSection
    dead_letters: DeadLettersSection
    engine: EngineSection = EngineSection()
    loading: LoadingSection = LoadingSection()
    switch: SwitchSection = SwitchSection()
    slots: dict[str, SlotSection] = {}
    state: StateSection | None = None
    monitor: MonitorSection | None = None

    def __post_init__(self) -> None:
        if not self.streams:
            raise ConfigurationError("there are no records: give at least one table [[records]]")
        names = [section.stream for section in self.streams]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(f"two tables of records are named {twice[0]!r}: give each a name of its own")
        if self.results.path == self.dead_letters.path and str(self.results.path) != "-":
            raise ConfigurationError(f"results and dead letters are both to go to {self.results.path}")

    @property
    def streams(self) -> list[RecordsSection]:
        """The streams of records."""
        return self.records if isinstance(self.records, list) else [self.records]


def load_configuration(file: Path) -> Configuration:
    """Read and check a file; what needs looking at other files is checked by ``headrace.app.checks``.

    Raises ``ConfigurationError`` that names the file, the key and what it may be.
    """
    return read_file(file, Configuration)
