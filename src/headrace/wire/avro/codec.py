"""The codec of records that are Avro, each on its own without a file around it.

- Plain: the value is the record's binary encoding by one schema.
- Single-object (Avro 1.12, "Single-object encoding"): the marker C3 01, the fingerprint of the schema that the record
  was written with (CRC-64-AVRO, 8 bytes, little-endian), and the record's encoding.
- What comes out has the columns of ``schema``; a record written with another one is resolved by Avro's own rules.
- Bytes that are left over after a record make it undecodable: they are a sign of the wrong schema.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from headrace.errors import ConfigurationError, MissingExtraError
from headrace.wire.assembly import Part, assemble, take_values
from headrace.wire.avro.schema import Column, describe
from headrace.wire.failures import Code, Failures
from headrace.wire.layout import ByBranch, Layout

try:
    import fastavro
    import fastavro.read
    import fastavro.schema
except ImportError as error:
    raise MissingExtraError("the Avro codec needs the package fastavro: pip install 'headrace[avro]'") from error

if TYPE_CHECKING:
    from headrace.records import Batch, Int64Array, Raw

_MARKER = b"\xc3\x01"
_HEADER = 10
_UNREADABLE = (
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    ArithmeticError,
    fastavro.read.SchemaResolutionError,
)
_UNFIT = (pa.ArrowException, OverflowError, ValueError, TypeError)


class AvroCodec:
    """Decode Avro records.

    ``schema`` is that of a record, or a union of records whose names (without namespace) are the data types where the
    layout asks for branches. ``writers`` are further schemas that records may be written with: any number with
    ``single_object``, else the one. Schemas are JSON text or its parsed form.
    Raises ``ConfigurationError`` for schemas that cannot be used, ``MissingExtraError`` where fastavro is missing.
    """

    def __init__(
        self,
        layout: Layout,
        schema: str | Mapping[str, Any] | Sequence[Any],
        writers: Sequence[str | Mapping[str, Any] | Sequence[Any]] = (),
        *,
        single_object: bool = False,
    ) -> None:
        self._layout = layout
        self._reader = _parse(schema)
        parsed = [_parse(writer) for writer in writers]
        if len(parsed) > 1 and not single_object:
            raise ConfigurationError("records without the single-object framing are written with one schema")
        self._writer = None if single_object else (parsed or [self._reader])[0]
        self._writers = {_fingerprint(writer): writer for writer in (self._reader, *parsed)}
        self._strips = any(_has_named(record) for record in _list_records(schema).values())
        self._columns = {name: describe(record) for name, record in _list_records(schema).items()}
        for writer in writers:
            for record in _list_records(writer).values():
                describe(record)
        if len(self._columns) > 1 and not isinstance(layout.data_type, ByBranch):
            raise ConfigurationError(
                f"the Avro schema is a union of {', '.join(self._columns)}: take the data type from the branch"
            )
        self._schemas = {
            name: layout.annotate(pa.schema([(column.name, column.type) for column in columns]))
            for name, columns in self._columns.items()
        }

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the columns of a data type; with branches, None for what is none of them."""
        if isinstance(self._layout.data_type, ByBranch):
            return self._schemas.get(data_type)
        return next(iter(self._schemas.values()))

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch; bytes that are no such record are a failure "undecodable".

        Raises ``ConfigurationError`` for a source of columns.
        """
        failures = Failures()
        values, rows = take_values(raw, self._layout, failures)
        found: dict[str, tuple[list[int], list[dict[str, Any]]]] = {name: ([], []) for name in self._columns}
        for row, value in zip(rows.tolist(), values.to_pylist(), strict=True):
            try:
                name, record = self._read(value)
            except _UNREADABLE as error:
                failures.add(row, Code.UNDECODABLE, f"the {len(value)} bytes are no such Avro record: {_say(error)}")
                continue
            found[name][0].append(row)
            found[name][1].append(record)
        parts = [
            self._build(name, np.array(numbers, np.int64), records, failures)
            for name, (numbers, records) in found.items()
        ]
        return assemble(raw, self._layout, parts, failures)

    def _read(self, value: bytes) -> tuple[str, dict[str, Any]]:
        writer: Any = self._writer
        body = value
        if writer is None:
            if not value.startswith(_MARKER) or len(value) < _HEADER:
                raise ValueError("it does not begin as a single object does (C3 01)")
            writer = self._writers.get(value[len(_MARKER) : _HEADER])
            if writer is None:
                print_of = value[len(_MARKER) : _HEADER].hex()
                raise ValueError(f"it is written with a schema that is not configured, of fingerprint {print_of}")
            body = value[_HEADER:]
        stream = io.BytesIO(body)
        reader = None if writer is self._reader else self._reader
        record: Any = fastavro.schemaless_reader(stream, writer, reader, return_record_name=True)
        if stream.tell() < len(body):
            raise ValueError(f"{len(body) - stream.tell()} bytes are left over")
        name = writer["name"] if isinstance(writer, dict) else ""
        if isinstance(record, tuple):
            name, record = record
        if record is None:
            raise ValueError("the record is null")
        return self._name(name), (_strip(record) if self._strips else record)

    def _name(self, full: str) -> str:
        """Give the record's name among the columns; a writer may name the only record differently."""
        short = full.rpartition(".")[2]
        if short in self._columns:
            return short
        if len(self._columns) == 1:
            return next(iter(self._columns))
        raise ValueError(f"its record is {full!r}; configured are: {', '.join(self._columns)}")

    def _build(self, name: str, rows: Int64Array, records: list[dict[str, Any]], failures: Failures) -> Part:
        data_type = name if isinstance(self._layout.data_type, ByBranch) else None
        columns = self._columns[name]
        arrays = []
        for column in columns:
            array, wrong = _fill(column, records)
            for position, reason in wrong.items():
                failures.add(int(rows[position]), Code.WRONG_TYPE, f"the field {column.name!r}: {reason}")
            arrays.append(array)
        return Part(rows, pa.RecordBatch.from_arrays(arrays, schema=self._schemas[name]), data_type)


def _fill(column: Column, records: list[dict[str, Any]]) -> tuple[pa.Array, dict[int, str]]:
    """Make a column; what has no place in it, such as a date beyond Arrow's, is null, with the reason by position."""
    values: list[Any] = list(records)
    for name in column.path:
        values = [None if value is None else value[name] for value in values]
    if column.convert is not None:
        convert = column.convert
        values = [None if value is None else convert(value) for value in values]
    wrong: dict[int, str] = {}
    try:
        return pa.array(values, column.type), wrong
    except _UNFIT:
        for position, value in enumerate(values):
            try:
                pa.scalar(value, column.type)
            except _UNFIT as error:
                wrong[position] = _say(error)
                values[position] = None
    return pa.array(values, column.type), wrong


def _parse(schema: str | Mapping[str, Any] | Sequence[Any]) -> Any:
    try:
        return fastavro.schema.parse_schema(_load(schema))
    except (fastavro.schema.SchemaParseException, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"not an Avro schema: {_say(error)}") from error


def _load(schema: str | Mapping[str, Any] | Sequence[Any]) -> Any:
    return msgspec.json.decode(schema) if isinstance(schema, str) and schema.lstrip()[:1] in {"{", "["} else schema


def _list_records(schema: str | Mapping[str, Any] | Sequence[Any]) -> dict[str, Any]:
    """List the records of a schema by their names without namespace, names within replaced by what they name."""
    expanded = fastavro.schema.expand_schema(_load(schema))
    members = expanded if isinstance(expanded, list) else [expanded]
    records: dict[str, Any] = {}
    for member in members:
        if member == "null":
            continue
        if not isinstance(member, dict) or member.get("type") != "record":
            raise ConfigurationError("an Avro schema of records is a record, or a union of records")
        name = member["name"].rpartition(".")[2]
        if name in records:
            raise ConfigurationError(f"two records of the Avro union are named {name!r}")
        records[name] = member
    if not records:
        raise ConfigurationError("the Avro schema has no record")
    return records


def _fingerprint(schema: Any) -> bytes:
    """Compute a schema's fingerprint, in the order of bytes that the framing has."""
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    return bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))


def _has_named(kind: Any) -> bool:
    """Tell whether a type, expanded, holds a union with a record: the reader puts a name around such a record."""
    if isinstance(kind, list):
        return any(isinstance(member, dict) and (member["type"] == "record" or _has_named(member)) for member in kind)
    if not isinstance(kind, dict):
        return False
    fields = [field["type"] for field in kind.get("fields", ())]
    return any(_has_named(member) for member in (*fields, kind.get("items"), kind.get("values"), kind["type"]))


def _strip(value: Any) -> Any:
    """Take the names of records out that the reader puts around records within unions."""
    if type(value) is dict:
        return {name: _strip(member) for name, member in value.items()}
    if type(value) is tuple:
        return _strip(value[1])
    return [_strip(member) for member in value] if type(value) is list else value


def _say(error: Exception) -> str:
    return str(error) or type(error).__name__
