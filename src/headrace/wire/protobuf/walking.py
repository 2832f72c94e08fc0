"""From many messages' bytes to columns without a Python object for each: the compiled walk and what surrounds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from google.protobuf.descriptor import FieldDescriptor

from headrace.wire.protobuf import kernel
from headrace.wire.protobuf.cells import LENGTH, SHIFT, make_column
from headrace.wire.protobuf.schema import (
    FIRST_SECOND,
    LAST_NANO,
    LAST_SECOND,
    TIMESTAMP,
    Branch,
    Leaf,
    MessageSchema,
    describe_whole,
    is_repeated,
)
from headrace.wire.protobuf.slices import Slices

if TYPE_CHECKING:
    from headrace.records import Int64Array

_LARGEST_TABLE = 1 << 16
_WIRE_VARINT, _WIRE_64, _WIRE_LENGTH, _WIRE_32 = 0, 1, 2, 5
_OPERATIONS = {
    FieldDescriptor.TYPE_DOUBLE: (_WIRE_64, kernel.FIXED64),
    FieldDescriptor.TYPE_FIXED64: (_WIRE_64, kernel.FIXED64),
    FieldDescriptor.TYPE_SFIXED64: (_WIRE_64, kernel.FIXED64),
    FieldDescriptor.TYPE_FLOAT: (_WIRE_32, kernel.FIXED32),
    FieldDescriptor.TYPE_FIXED32: (_WIRE_32, kernel.FIXED32),
    FieldDescriptor.TYPE_SFIXED32: (_WIRE_32, kernel.FIXED32),
    FieldDescriptor.TYPE_INT64: (_WIRE_VARINT, kernel.VARINT),
    FieldDescriptor.TYPE_UINT64: (_WIRE_VARINT, kernel.VARINT),
    FieldDescriptor.TYPE_INT32: (_WIRE_VARINT, kernel.VARINT),
    FieldDescriptor.TYPE_UINT32: (_WIRE_VARINT, kernel.VARINT),
    FieldDescriptor.TYPE_ENUM: (_WIRE_VARINT, kernel.VARINT),
    FieldDescriptor.TYPE_SINT64: (_WIRE_VARINT, kernel.ZIGZAG64),
    FieldDescriptor.TYPE_SINT32: (_WIRE_VARINT, kernel.ZIGZAG32),
    FieldDescriptor.TYPE_BOOL: (_WIRE_VARINT, kernel.FLAG),
    FieldDescriptor.TYPE_STRING: (_WIRE_LENGTH, kernel.TEXT),
    FieldDescriptor.TYPE_BYTES: (_WIRE_LENGTH, kernel.BYTES),
    FieldDescriptor.TYPE_MESSAGE: (_WIRE_LENGTH, kernel.MESSAGE),
}


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """What a walk gave: columns, where it left a message to protobuf, and nested messages that were asked for.

    ``nested`` gives, by field name, the positions of the messages that hold one, and its bytes.
    """

    columns: list[pa.Array]
    marked: npt.NDArray[np.bool_]
    nested: dict[str, tuple[Int64Array, Slices]]


class Walker:
    """Walks messages of one type. ``apart`` are fields whose messages are given as they are, not as columns."""

    def __init__(self, schema: MessageSchema, apart: Sequence[FieldDescriptor] = ()) -> None:
        kernel.walk.ready()  # nothing is compiled while records are read
        kernel.measure.ready()
        kernel.gather.ready()
        self._members = schema.members
        self._apart = [field for field in apart if field.message_type is not None]
        fields = [member.field for member in schema.members] + self._apart
        left = [field for field in schema.message.fields if field not in fields]
        self._width = len(fields) + 1
        self._actions = _make_actions(fields, left)
        self._slots = np.full(self._width, -1, np.int32)
        self._oneofs = np.full(self._width, -1, np.int32)
        oneofs: dict[str, int] = {}
        for column, field in enumerate(fields):
            if field.has_presence and not is_repeated(field):
                self._slots[column] = column
            if field.containing_oneof is not None:
                self._oneofs[column] = oneofs.setdefault(field.containing_oneof.name, len(oneofs))
        with_presence = np.flatnonzero(self._slots >= 0)
        self._slots[with_presence] = np.arange(len(with_presence))
        self._tracked = len(with_presence)
        self._make = {
            column: make_column(member)
            for column, member in enumerate(schema.members)
            if isinstance(member, Leaf) and not _is_nested(member)
        }
        self._within = {
            column: Walker(_schema_within(member)) for column, member in enumerate(schema.members) if _is_nested(member)
        }

    @staticmethod
    def covers(schema: MessageSchema) -> bool:
        """Tell whether a walk is worth it: lists and very high field numbers would leave most messages to protobuf."""
        if any(field.number << 3 >= _LARGEST_TABLE for field in schema.message.fields):
            return False
        return all(
            Walker.covers(_schema_within(member)) if _is_nested(member) else not is_repeated(member.field)
            for member in schema.members
        )

    def walk(self, messages: Slices) -> Walked:
        """Walk messages; what the columns hold where a message is marked means nothing."""
        count = len(messages)
        cells = np.zeros((self._width, count), np.uint64)
        present = np.zeros((self._tracked, count), np.uint8)
        marked = np.zeros(count, np.uint8)
        kernel.walk(
            messages.data,
            messages.starts,
            messages.ends,
            self._actions,
            self._slots,
            self._oneofs,
            cells,
            present,
            marked,
        )
        flags = marked.view(np.bool_)
        columns: list[pa.Array] = []
        for column in range(len(self._members)):
            there = present[self._slots[column]].view(np.bool_) if self._slots[column] >= 0 else None
            if column in self._within:
                assert there is not None
                columns.extend(self._walk_within(column, messages, cells[column], there, flags))
            else:
                columns.append(self._make[column](messages.data, cells[column], there, flags))
        nested = {}
        for column, field in enumerate(self._apart, start=len(self._members)):
            positions = np.flatnonzero(present[self._slots[column]].view(np.bool_) & ~flags)
            nested[field.name] = (positions, _slice(messages.data, cells[column, positions]))
        return Walked(columns, flags, nested)

    def _walk_within(
        self,
        column: int,
        messages: Slices,
        cells: npt.NDArray[np.uint64],
        there: npt.NDArray[np.bool_],
        marked: npt.NDArray[np.bool_],
    ) -> list[pa.Array]:
        positions = np.flatnonzero(there & ~marked)
        inner = self._within[column].walk(_slice(messages.data, cells[positions]))
        marked[positions[inner.marked]] = True
        columns = inner.columns
        member = self._members[column]
        if isinstance(member, Leaf):
            columns = [_join_leaf(member, columns, positions, inner.marked, marked)]
        if len(positions) == len(there):
            return columns
        places = np.full(len(there), -1, np.int64)
        places[positions] = np.arange(len(positions))
        taken = pa.array(places, mask=places < 0)
        return [values.take(taken) for values in columns]


def _is_nested(member: Leaf | Branch) -> bool:
    return isinstance(member, Branch) or (member.field.message_type is not None and not is_repeated(member.field))


def _schema_within(member: Leaf | Branch) -> MessageSchema:
    if isinstance(member, Branch):
        return member.message
    assert member.field.message_type is not None
    return describe_whole(member.field.message_type)


def _make_actions(fields: Sequence[FieldDescriptor], left: Sequence[FieldDescriptor]) -> npt.NDArray[np.int32]:
    """Make the table from tag to column and operation; all wire types of a field that is left mark its message."""
    highest = max((field.number for field in (*fields, *left)), default=0)
    actions = np.full((highest + 1) << 3, kernel.SKIP, np.int32)
    for column, field in enumerate(fields):
        wire, operation = _OPERATIONS.get(field.type, (_WIRE_LENGTH, kernel.LEAVE))
        actions[field.number << 3 | wire] = column << kernel.OPERATION_BITS | operation
    for field in left:
        actions[field.number << 3 : (field.number + 1) << 3] = len(fields) << kernel.OPERATION_BITS | kernel.LEAVE
    return actions


def _slice(data: npt.NDArray[np.uint8], cells: npt.NDArray[np.uint64]) -> Slices:
    starts = (cells >> SHIFT).astype(np.int64)
    return Slices(data, starts, starts + (cells & LENGTH).astype(np.int64))


def _join_leaf(
    leaf: Leaf,
    columns: list[pa.Array],
    positions: Int64Array,
    inner_marked: npt.NDArray[np.bool_],
    marked: npt.NDArray[np.bool_],
) -> pa.Array:
    """Make one column of a Timestamp's two, or of a wrapper's one."""
    message = leaf.field.message_type
    assert message is not None
    if message.full_name != TIMESTAMP:
        return columns[0]
    seconds, nanos = (column.to_numpy() for column in columns)
    odd = ~inner_marked & ((seconds < FIRST_SECOND) | (seconds > LAST_SECOND) | (nanos < 0) | (nanos > LAST_NANO))
    marked[positions[odd]] = True
    milliseconds = np.where(odd | inner_marked, 0, seconds) * 1_000 + nanos // 1_000_000
    return pa.array(milliseconds.astype("datetime64[ms]"), leaf.type)
