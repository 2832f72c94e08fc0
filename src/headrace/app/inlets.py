"""A configuration to streams of records: sources of bytes or columns, and the codecs that read them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace.app.reading import suggest
from headrace.catalog import load_target
from headrace.errors import ConfigurationError
from headrace.wire.csv import CsvCodec
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByBranch, ByField, ByTopic, Constant, DataTypeRule, Layout
from headrace.wire.protobuf import ProtobufCodec, find_message
from headrace.wire.table import TableCodec

if TYPE_CHECKING:
    from headrace.abc.codec import Codec
    from headrace.abc.source import RecordSource
    from headrace.app.configuration import Configuration, RecordsSection
    from headrace.transports.files import FileKind

_TYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double", "string",
    "binary", "date32", "timestamp[s]", "timestamp[ms]", "timestamp[us]", "timestamp[ns]",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """How one stream's records are read."""

    section: RecordsSection
    layout: Layout
    kind: FileKind
    codec: Codec


def build_codecs(configuration: Configuration) -> list[Reading]:
    """Build how each stream is read. Raises ``ConfigurationError``, ``MissingExtraError`` and ``SourceError``."""
    return [build_reading(section) for section in configuration.streams]


def build_reading(section: RecordsSection) -> Reading:
    """Build how one stream is read; looks at a file's header where the columns are only there."""
    layout = build_layout(section)
    kind = _build_kind(section)
    return Reading(section, layout, kind, _BUILDERS[section.format](section, layout, kind))


def build_source(reading: Reading) -> RecordSource:
    """Build a stream's source. Raises ``SourceError`` where there is no such file."""
    from headrace.transports.files import FileSource

    section = reading.section
    source: RecordSource = FileSource(section.paths, reading.kind, section.stream, follow=section.follow)
    if section.rate is None:
        return source
    from headrace.transports.pacing import PacedSource

    return PacedSource(source, section.rate)


def build_layout(section: RecordsSection) -> Layout:
    """Build where a record's data type, id, key and event time are. Raises ``ConfigurationError``."""
    return Layout(
        data_type=_build_rule(section),
        declared=tuple(section.declared),
        required=tuple(section.required),
        required_by_type={name: tuple(fields) for name, fields in section.required_by_type.items()},
        id_field=section.id,
        key_field=section.key,
        time_field=section.time,
        time_unit=section.time_unit,
    )


def _build_rule(section: RecordsSection) -> DataTypeRule:
    given = section.data_type
    if isinstance(given, str):
        return Constant(given)
    if given.field is not None:
        return ByField(given.field)
    return ByBranch(given.branch) if given.branch is not None else ByTopic(given.topic or {})


def _build_kind(section: RecordsSection) -> FileKind:
    from headrace.transports import framed_files

    if section.format == "json":
        return framed_files.Lines()
    if section.format == "protobuf":
        return framed_files.Delimited()
    if section.format == "csv":
        csv = section.csv_or_default
        return framed_files.Csv(csv.columns or None, csv.delimiter, csv.quote)
    names = {"parquet": "Parquet", "arrow": "Arrow", "avro": "Avro"}
    made: FileKind = load_target(f"headrace.transports.column_files:{names[section.format]}", purpose=section.format)()
    return made


def build_schema(types: Mapping[str, str], where: str) -> pa.Schema:
    """Make a schema of field names and types; ``[]`` after a type makes it a list. Raises ``ConfigurationError``."""
    return pa.schema([(name, _read_type(text, f"{where}.{name}")) for name, text in types.items()])


def _read_type(text: str, key: str) -> pa.DataType:
    element = text.removesuffix("[]")
    if element not in _TYPES:
        known = f"it takes one of: {', '.join(_TYPES)}; a list with [] after it"
        raise ConfigurationError(f"{key} is {text!r}{suggest(element, _TYPES) or ';'} {known}")
    kind = pa.type_for_alias(element)
    return pa.list_(kind) if text != element else kind


def _build_json(section: RecordsSection, layout: Layout, kind: FileKind) -> Codec:  # noqa: ARG001
    schema = build_schema(section.schema, "schema") if section.schema else None
    by_type = {name: build_schema(types, f"schemas.{name}") for name, types in section.schemas.items()}
    return JsonCodec(layout, schema, by_type)


def _build_csv(section: RecordsSection, layout: Layout, kind: Any) -> Codec:
    csv = section.csv_or_default
    names = csv.columns or list(kind.read_columns(_first_file(section)))
    _refuse_schemas(section)
    schema = None
    if section.schema:
        declared = build_schema(section.schema, "schema")
        unknown = [name for name in declared.names if name not in names]
        if unknown:
            hint = suggest(unknown[0], names) or ";"
            raise ConfigurationError(f"schema names the column {unknown[0]!r}{hint} there are: {', '.join(names)}")
        open_ones = [name for name in names if name not in declared.names]
        if open_ones:
            raise ConfigurationError(
                f"schema leaves out {', '.join(open_ones)}: of CSV it declares every column, or none"
            )
        schema = pa.schema([declared.field(name) for name in names])
    return CsvCodec(layout, names, schema, csv.delimiter, csv.quote, csv.missing)


def _build_protobuf(section: RecordsSection, layout: Layout, kind: FileKind) -> Codec:  # noqa: ARG001
    found = section.protobuf
    assert found is not None
    _refuse_schema(section)
    if found.descriptor_set is not None:
        return ProtobufCodec(find_message(_read(found.descriptor_set), found.message), layout)
    try:
        module = importlib.import_module(found.module)
    except ImportError as error:
        raise ConfigurationError(f"protobuf.module {found.module!r} cannot be imported: {error}") from error
    if not hasattr(module, "DESCRIPTOR"):
        raise ConfigurationError(f"protobuf.module {found.module!r} is no module that protoc has made (*_pb2)")
    return ProtobufCodec(find_message(module, found.message), layout)


def _build_avro(section: RecordsSection, layout: Layout, kind: FileKind) -> Codec:  # noqa: ARG001
    _refuse_schema(section)
    codec: Any = load_target("headrace.wire.avro:AvroCodec", extra="avro", purpose="the record format 'avro'")
    path = None if section.avro is None else section.avro.schema
    made: Codec = codec(layout, None if path is None else _read(path))
    return made


def _build_table(section: RecordsSection, layout: Layout, kind: Any) -> Codec:
    _refuse_schema(section)
    read_schema = getattr(kind, "read_schema", None)
    return TableCodec(layout, None if read_schema is None else read_schema(_first_file(section)))


_BUILDERS = {
    "json": _build_json,
    "csv": _build_csv,
    "protobuf": _build_protobuf,
    "avro": _build_avro,
    "parquet": _build_table,
    "arrow": _build_table,
}


def _refuse_schema(section: RecordsSection) -> None:
    if section.schema:
        raise ConfigurationError(f"schema is for json and csv: {section.format} records bring their types")
    _refuse_schemas(section)


def _refuse_schemas(section: RecordsSection) -> None:
    if section.schemas:
        raise ConfigurationError(
            f"schemas, types by data type, are for json: leave them out of {section.format} records"
        )


def _first_file(section: RecordsSection) -> Path:
    from headrace.transports.files import find_files

    return find_files(section.paths)[0]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
