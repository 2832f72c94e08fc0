"""Messages to columns by way of protobuf itself: right for every message type, at the price of Python objects.

This is the reference that the fast walk of the bytes (``headrace.wire.protobuf.walk``) is held to, and what decodes
whatever that walk leaves alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from headrace.wire.protobuf.schema import (
    FIRST_SECOND,
    LAST_NANO,
    LAST_SECOND,
    TIMESTAMP,
    WRAPPERS,
    Branch,
    MessageSchema,
    is_repeated,
)

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor


class Reader:
    """Reads messages of one type into the columns of its schema."""

    def __init__(self, schema: MessageSchema) -> None:
        self._schema = schema
        self._parse = GetMessageClass(schema.message).FromString

    def read(self, values: Sequence[bytes]) -> tuple[list[pa.Array], dict[int, str]]:
        """Read messages into columns; a message that fails is all null, with what is wrong by position."""
        messages: list[Message | None] = []
        wrong: dict[int, str] = {}
        for position, value in enumerate(values):
            try:
                messages.append(self._parse(value))
            except DecodeError as error:
                wrong[position] = explain(self._schema.message, value, error)
                messages.append(None)
        try:
            return read_columns(self._schema, messages), wrong
        except _UNREADABLE:
            for position, message in enumerate(messages):
                try:
                    read_columns(self._schema, [message])
                except _UNREADABLE as error:
                    wrong[position] = explain(self._schema.message, values[position], error)
                    messages[position] = None
        return read_columns(self._schema, messages), wrong


def explain(message: Descriptor, value: bytes, error: Exception) -> str:
    """Say why bytes are no message of a type."""
    return f"the {len(value)} bytes are no {message.full_name}: {error}"


# A text of proto2 that is not UTF-8, and a Timestamp beyond any time, are found only when they are read.
_UNREADABLE = (UnicodeDecodeError, OverflowError, pa.ArrowInvalid)


def read_columns(schema: MessageSchema, messages: Sequence[Message | None]) -> list[pa.Array]:
    """Read parsed messages into columns, null where there is no message."""
    arrays: list[pa.Array] = []
    for member in schema.members:
        if isinstance(member, Branch):
            name = member.field.name
            within = [getattr(m, name) if m is not None and m.HasField(name) else None for m in messages]
            arrays.extend(read_columns(member.message, within))
        else:
            read = _reader(member.field)
            arrays.append(pa.array([None if m is None else read(m) for m in messages], member.type))
    return arrays


def _reader(field: FieldDescriptor) -> Callable[[Message], Any]:
    name = field.name
    convert = _converter(field)
    if is_repeated(field):
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return _map_reader(field)
        return lambda message: [convert(value) for value in getattr(message, name)]
    if field.has_presence:
        return lambda message: convert(getattr(message, name)) if message.HasField(name) else None
    return lambda message: convert(getattr(message, name))


def _map_reader(field: FieldDescriptor) -> Callable[[Message], Any]:
    name = field.name
    entry = field.message_type
    assert entry is not None
    convert = _converter(entry.fields_by_name["value"])

    def read(message: Message) -> list[dict[str, Any]]:
        entries: Mapping[Any, Any] = getattr(message, name)
        return [{"key": key, "value": convert(value)} for key, value in sorted(entries.items())]

    return read


def _converter(field: FieldDescriptor) -> Callable[[Any], Any]:
    message = field.message_type
    if field.enum_type is not None:
        names = {number: value.name for number, value in field.enum_type.values_by_number.items()}
        return lambda number: names.get(number, str(number))
    if message is None:
        return lambda value: value
    if message.full_name == TIMESTAMP:
        return _read_timestamp
    if message.full_name in WRAPPERS and not is_repeated(field):
        return lambda wrapper: wrapper.value
    return _to_struct


def _read_timestamp(stamp: Any) -> int:
    if not (FIRST_SECOND <= stamp.seconds <= LAST_SECOND and 0 <= stamp.nanos <= LAST_NANO):
        raise OverflowError(f"a Timestamp of {stamp.seconds} s and {stamp.nanos} ns is not within the years 1 to 9999")
    milliseconds: int = stamp.seconds * 1_000 + stamp.nanos // 1_000_000
    return milliseconds


def _to_struct(message: Message) -> dict[str, Any]:
    return {field.name: _reader(field)(message) for field in message.DESCRIPTOR.fields}
