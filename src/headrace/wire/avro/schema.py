"""The columns of an Avro record, and what its values become in them.

- A nested record becomes fields with dotted names.
- A union of null and one type is that type; of numbers ``double``; any other union is text, JSON where it is not text.
- An array is a list, a map a list of structs of key and value, an enum its text, a decimal ``double``.
- Times follow their logical types; those without a zone are taken as they are.
- Refused are a record within itself, since its sender would choose how deep the reading goes, and an array of what
  takes no bytes, since its sender would choose its length for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pyarrow as pa

from headrace.errors import ConfigurationError
from headrace.wire import jsontext

_PRIMITIVES: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "null": pa.null(),
        "boolean": pa.bool_(),
        "int": pa.int32(),
        "long": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "bytes": pa.binary(),
        "string": pa.string(),
        "enum": pa.string(),
        "fixed": pa.binary(),
    }
)
_LOGICAL: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "timestamp-millis": pa.timestamp("ms"),
        "timestamp-micros": pa.timestamp("us"),
        "local-timestamp-millis": pa.timestamp("ms"),
        "local-timestamp-micros": pa.timestamp("us"),
        "date": pa.date32(),
        "time-millis": pa.time32("ms"),
        "time-micros": pa.time64("us"),
        "uuid": pa.string(),
        "decimal": pa.float64(),
    }
)
_NUMBERS = frozenset({"int", "long", "float", "double"})

Convert = Callable[[Any], Any]
Found = tuple[pa.DataType, Convert | None]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its dotted name, the names that lead to its value, its type, and how it is made of what was read."""

    name: str
    path: tuple[str, ...]
    type: pa.DataType
    convert: Convert | None


def describe(record: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """Find the columns of a record's schema, in which every name has been replaced by what it names.

    Raises ``ConfigurationError`` for what is refused.
    """
    columns: list[Column] = []
    for field in record["fields"]:
        path = (*prefix, field["name"])
        kind = _without_null(field["type"])
        if isinstance(kind, dict) and kind["type"] == "record":
            columns.extend(describe(kind, path))
        else:
            columns.append(Column(".".join(path), path, *_find_type(kind)))
    return tuple(columns)


def _without_null(kind: Any) -> Any:
    """Give the one type of a union of it and null; the members other than null of any other union."""
    if not isinstance(kind, list):
        return kind
    others = [member for member in kind if member != "null"]
    return others[0] if len(others) == 1 else others


def _find_type(kind: Any) -> Found:
    """Find the Arrow type of a value, and how it is made of what was read."""
    kind = _without_null(kind)
    if isinstance(kind, list):
        return _find_union_type(kind)
    if isinstance(kind, str):
        if kind not in _PRIMITIVES:
            raise ConfigurationError(f"the Avro schema has {kind!r} within itself, which cannot be read safely")
        return _PRIMITIVES[kind], None
    logical = kind.get("logicalType", "")
    if logical in _LOGICAL:
        return _LOGICAL[logical], _LOGICAL_CONVERSIONS.get(logical)
    match kind["type"]:
        case "array":
            return _find_list_type(kind["items"])
        case "map":
            return _find_map_type(kind["values"])
        case "record":
            return _find_struct_type(kind)
        case other:
            return _find_type(other)


def _find_union_type(kinds: list[Any]) -> Found:
    for kind in kinds:
        _find_type(kind)
    names = {kind.get("logicalType") or kind["type"] if isinstance(kind, dict) else kind for kind in kinds}
    if not names:
        return pa.null(), None
    if names <= _NUMBERS:
        return pa.float64(), float
    if names <= {"string", "enum", "uuid"}:
        return pa.string(), str
    return pa.string(), lambda value: value if isinstance(value, str) else jsontext.write(_plain(value))


def _find_list_type(items: Any) -> Found:
    if _takes_no_bytes(items):
        raise ConfigurationError("the Avro schema has an array of what takes no bytes, which cannot be read safely")
    kind, convert = _find_type(items)
    if convert is None:
        return pa.list_(kind), None
    return pa.list_(kind), lambda values: [_apply(convert, value) for value in values]


def _takes_no_bytes(kind: Any) -> bool:
    if isinstance(kind, dict) and kind["type"] == "record":
        return all(_takes_no_bytes(field["type"]) for field in kind["fields"])
    if isinstance(kind, dict) and kind["type"] == "fixed":
        return bool(kind["size"] == 0)
    return bool((kind["type"] if isinstance(kind, dict) else kind) == "null")


def _find_map_type(values: Any) -> Found:
    kind, convert = _find_type(values)
    entries = pa.list_(pa.struct([("key", pa.string()), ("value", kind)]))
    return entries, lambda found: [{"key": key, "value": _apply(convert, found[key])} for key in sorted(found)]


def _find_struct_type(record: Mapping[str, Any]) -> Found:
    found = {field["name"]: _find_type(field["type"]) for field in record["fields"]}
    kind = pa.struct([(name, member) for name, (member, _) in found.items()])
    return kind, lambda value: {name: _apply(convert, value[name]) for name, (_, convert) in found.items()}


def _apply(convert: Convert | None, value: Any) -> Any:
    return value if convert is None or value is None else convert(value)


def _plain(value: Any) -> Any:
    """Make what was read of a mixed union ready for JSON, decimals anywhere within it too."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value if not isinstance(value, (time, UUID)) else str(value)


_LOGICAL_CONVERSIONS: Mapping[str, Convert] = MappingProxyType({"uuid": str, "decimal": float})
