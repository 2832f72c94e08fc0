"""A configuration to streams of records: sources of bytes or columns, and the codecs that read them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from headrace.app.reading import suggest
from headrace.catalog import load_target
from headrace.engines.embedded.parts import Inlet
from headrace.errors import ConfigurationError
from headrace.transports.avro_files import Avro
from headrace.transports.files import FileSource
from headrace.transports.framed_files import Csv, Delimited, Lines
from headrace.transports.pacing import PacedSource
from headrace.transports.table_files import Arrow, Parquet
from headrace.wire.csv import CsvCodec
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByBranch, ByField, ByTopic, Constant, DataTypeRule, Layout
from headrace.wire.protobuf import ProtobufCodec, find_message
from headrace.wire.table import TableCodec

if TYPE_CHECKING:
    from headrace.abc.codec import Codec
    from headrace.app.configuration import RecordsSection
    from headrace.transports.files import FileKind

_TYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double", "string",
    "binary", "date32", "timestamp[s]", "timestamp[ms]", "timestamp[us]", "timestamp[ns]",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of records: where they come from, and how they are read. ``files`` is the source without its rate."""

    section: RecordsSection
    layout: Layout
    files: FileSource
    codec: Codec

    @property
    def inlet(self) -> Inlet:
        """The stream as an engine takes it."""
        rate = self.section.rate
        return Inlet(self.files if rate is None else PacedSource(self.files, rate), self.codec)


def build_stream(section: RecordsSection) -> Stream:
    """Build one stream; looks at its first file where that names the columns.

    Raises ``ConfigurationError``, ``MissingExtraError``, and ``SourceError`` where there is no such file.
    """
    layout = build_layout(section)
    files = FileSource(section.paths, _build_kind(section), section.stream, follow=section.follow)
    try:
        return Stream(section, layout, files, _BUILDERS[section.format](section, layout, files))
    except BaseException:
        files.close()
        raise


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
    match section.format:
        case "json":
            return Lines()
        case "protobuf":
            return Delimited()
        case "csv":
            csv = section.csv_or_default
            return Csv(csv.columns or None, csv.delimiter, csv.quote)
        case "parquet":
            return Parquet()
        case "arrow":
            return Arrow()
        case "avro":
            return Avro()


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


def build_json(section: RecordsSection, layout: Layout, files: object = None) -> Codec:  # noqa: ARG001
    """Build the codec of JSON. Raises ``ConfigurationError``."""
    schema = build_schema(section.schema, "schema") if section.schema else None
    by_type = {name: build_schema(types, f"schemas.{name}") for name, types in section.schemas.items()}
    return JsonCodec(layout, schema, by_type)


def _build_csv(section: RecordsSection, layout: Layout, files: FileSource) -> Codec:
    csv = section.csv_or_default
    names = list(cast("tuple[str, ...]", files.header))
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


def build_protobuf(section: RecordsSection, layout: Layout, files: object = None) -> Codec:  # noqa: ARG001
    """Build the codec of protobuf messages. Raises ``ConfigurationError``."""
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


def _build_avro(section: RecordsSection, layout: Layout, files: FileSource) -> Codec:
    _refuse_schema(section)
    codec: Any = load_target("headrace.wire.avro:AvroCodec", extra="avro", purpose="the record format 'avro'")
    path = None if section.avro is None else section.avro.schema
    made: Codec = codec(layout, files.header) if path is None else codec(layout, read_schema(path), [files.header])
    return made


def _build_table(section: RecordsSection, layout: Layout, files: FileSource) -> Codec:
    _refuse_schema(section)
    return TableCodec(layout, cast("pa.Schema", files.header))


_BUILDERS = {
    "json": build_json,
    "csv": _build_csv,
    "protobuf": build_protobuf,
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


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error


def read_schema(path: Path) -> str:
    """Read the text of a schema. Raises ``ConfigurationError``."""
    try:
        return _read(path).decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8: {error}") from error
