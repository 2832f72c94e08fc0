"""The columns of a message type.

- A scalar is a column of its Arrow type; an enum is text, the number as text where it has no name.
- A scalar without presence (most of proto3) is never null: what is not sent is zero. With presence, what is not sent is
  null, whatever its default.
- A nested message becomes fields with dotted names, null where the message is not there. ``Timestamp`` is a
  ``timestamp[ms]``, and the wrappers (``DoubleValue`` and so on) are the value that they wrap.
- A repeated field is a list, a repeated message a list of structs, a map a list of structs of key and value.
- A message within itself is left out below its first occurrence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

from headrace.errors import ConfigurationError

TIMESTAMP = "google.protobuf.Timestamp"
FIRST_SECOND = -62_135_596_800  # 0001-01-01, the earliest that a Timestamp may hold
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59
LAST_NANO = 999_999_999
WRAPPERS = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)
_TYPES: Mapping[int, pa.DataType] = MappingProxyType(
    {
        FieldDescriptor.TYPE_DOUBLE: pa.float64(),
        FieldDescriptor.TYPE_FLOAT: pa.float32(),
        FieldDescriptor.TYPE_INT64: pa.int64(),
        FieldDescriptor.TYPE_SINT64: pa.int64(),
        FieldDescriptor.TYPE_SFIXED64: pa.int64(),
        FieldDescriptor.TYPE_UINT64: pa.uint64(),
        FieldDescriptor.TYPE_FIXED64: pa.uint64(),
        FieldDescriptor.TYPE_INT32: pa.int32(),
        FieldDescriptor.TYPE_SINT32: pa.int32(),
        FieldDescriptor.TYPE_SFIXED32: pa.int32(),
        FieldDescriptor.TYPE_UINT32: pa.uint32(),
        FieldDescriptor.TYPE_FIXED32: pa.uint32(),
        FieldDescriptor.TYPE_BOOL: pa.bool_(),
        FieldDescriptor.TYPE_STRING: pa.string(),
        FieldDescriptor.TYPE_BYTES: pa.binary(),
        FieldDescriptor.TYPE_ENUM: pa.string(),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A field that is one column."""

    name: str
    field: FieldDescriptor
    type: pa.DataType


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A field that holds a message whose fields are columns."""

    field: FieldDescriptor
    message: MessageSchema


@dataclass(frozen=True, slots=True, eq=False)
class MessageSchema:
    """The columns of a message, in the order in which its fields are declared."""

    message: Descriptor
    members: tuple[Leaf | Branch, ...]

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """The leaves of the message and, each in its place, of those within it."""
        found: list[Leaf] = []
        for member in self.members:
            found.extend((member,) if isinstance(member, Leaf) else member.message.leaves)
        return tuple(found)

    @property
    def arrow(self) -> pa.Schema:
        """The columns as an Arrow schema."""
        return pa.schema([(leaf.name, leaf.type) for leaf in self.leaves])


def describe(message: Descriptor, without: OneofDescriptor | None = None) -> MessageSchema:
    """Find the columns of a message type, without the members of one ``oneof`` where one is given."""
    skipped = {field.name for field in without.fields} if without else set()
    fields = [field for field in message.fields if field.name not in skipped]
    return MessageSchema(message, _members(fields, "", (message.full_name,)))


def describe_whole(message: Descriptor) -> MessageSchema:
    """Find the columns of a message type that is one column itself elsewhere: a Timestamp's two, a wrapper's one."""
    return MessageSchema(message, tuple(Leaf(field.name, field, _TYPES[field.type]) for field in message.fields))


def list_required(schema: MessageSchema) -> tuple[str, ...]:
    """List the columns that a message must have, as only proto2 and editions can ask."""
    names: list[str] = []
    for member in schema.members:
        if _is_required(member.field):
            names.extend((member.name,) if isinstance(member, Leaf) else list_required(member.message))
    return tuple(names)


def describe_branch(field: FieldDescriptor) -> MessageSchema:
    """Find the columns of what a member of a ``oneof`` holds: a message's fields, or the one value."""
    if is_record(field):
        assert field.message_type is not None
        return describe(field.message_type)
    return MessageSchema(field.containing_type, _members([field], "", (field.containing_type.full_name,)))


def is_record(field: FieldDescriptor) -> bool:
    """Tell whether a field holds a message that has columns of its own."""
    message = field.message_type
    return message is not None and message.full_name != TIMESTAMP and message.full_name not in WRAPPERS


def find_oneof(message: Descriptor, name: str) -> OneofDescriptor:
    """Find a ``oneof`` by name, or the only one where the name is empty.

    Raises ``ConfigurationError`` where there is none, or more than one to choose from.
    """
    real: list[OneofDescriptor] = [
        oneof for oneof in message.oneofs if len(oneof.fields) > 1 or not oneof.name.startswith("_")
    ]
    found = [oneof for oneof in real if name in {"", oneof.name}]
    if len(found) == 1:
        return found[0]
    names = ", ".join(oneof.name for oneof in real) or "none"
    problem = f"no oneof {name!r}" if name else "not exactly one oneof, so name the one that holds the records"
    raise ConfigurationError(f"the message {message.full_name} has {problem}; it has: {names}")


def _members(fields: list[FieldDescriptor], prefix: str, above: tuple[str, ...]) -> tuple[Leaf | Branch, ...]:
    members: list[Leaf | Branch] = []
    for field in fields:
        name = prefix + field.name
        message = field.message_type
        if is_repeated(field):
            kind = _list_type(field, above)
            if kind is not None:
                members.append(Leaf(name, field, kind))
        elif message is None:
            members.append(Leaf(name, field, _TYPES[field.type]))
        elif message.full_name == TIMESTAMP:
            members.append(Leaf(name, field, pa.timestamp("ms")))
        elif message.full_name in WRAPPERS:
            members.append(Leaf(name, field, _TYPES[message.fields_by_name["value"].type]))
        elif message.full_name not in above:
            within = _members(list(message.fields), f"{name}.", (*above, message.full_name))
            members.append(Branch(field, MessageSchema(message, within)))
    return tuple(members)


def is_repeated(field: FieldDescriptor) -> bool:
    """Tell whether a field may occur more than once."""
    modern: Any = getattr(field, "is_repeated", None)
    return bool(modern) if modern is not None else field.label == FieldDescriptor.LABEL_REPEATED


def _is_required(field: FieldDescriptor) -> bool:
    modern: Any = getattr(field, "is_required", None)
    return bool(modern) if modern is not None else field.label == FieldDescriptor.LABEL_REQUIRED


def _list_type(field: FieldDescriptor, above: tuple[str, ...]) -> pa.DataType | None:
    kind = _value_type(field, above)
    return None if kind is None else pa.list_(kind)


def _value_type(field: FieldDescriptor, above: tuple[str, ...]) -> pa.DataType | None:
    """Find the Arrow type of one occurrence of a field within a list; None where the message is within itself."""
    message = field.message_type
    if message is None:
        return _TYPES[field.type]
    if message.full_name == TIMESTAMP:
        return pa.timestamp("ms")
    if message.full_name in above:
        return None
    inner: list[tuple[str, pa.DataType]] = []
    for member in message.fields:
        find = _list_type if is_repeated(member) else _value_type
        kind = find(member, (*above, message.full_name))
        if kind is not None:
            inner.append((member.name, kind))
    return pa.struct(inner)
