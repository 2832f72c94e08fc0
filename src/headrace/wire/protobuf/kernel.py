"""The compiled walk over the bytes of many messages of one type.

Rules, from the encoding's description (protobuf.dev/programming-guides/encoding):

- ``actions`` maps a tag to a column and an operation, or to ``SKIP`` for a field that is not known or comes with
  another wire type than its own; protobuf passes over those too.
- The last occurrence of a field counts.
- A message that is anything but plain is marked and left to protobuf itself, which decodes or refuses it: damaged
  bytes, groups, texts that are not UTF-8, two members of one ``oneof``, a nested message in several pieces, and fields
  with the operation ``LEAVE``.

So whatever is not marked has the columns that protobuf would give, and what is marked is never an error here.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numba import types

from headrace.compilation import kernel

FIXED64, FIXED32, VARINT, ZIGZAG64, ZIGZAG32, FLAG, BYTES, TEXT, MESSAGE, LEAVE = range(10)
OPERATION_BITS = 4
SKIP = -1

_OPERATION = (1 << OPERATION_BITS) - 1
_WIRE_VARINT, _WIRE_64, _WIRE_LENGTH, _WIRE_32 = 0, 1, 2, 5
_DAMAGED = -1
_LONGEST_SIZE = 5  # bytes of a tag or length: more is damage, even where the number is small
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)


@nb.njit
def _read_varint(data: Any, at: Any, end: Any) -> Any:
    """Read a varint; gives it and where it ends, or ``_DAMAGED``."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end:
        byte = data[np.uint64(at)]
        at += 1
        value |= np.uint64(byte & 0x7F) << shift
        if byte < 0x80:
            return value, (at if shift < 63 or byte < 2 else _DAMAGED)
        shift += np.uint64(7)
        if shift > 63:
            break
    return value, _DAMAGED


@nb.njit
def _load32(data: Any, at: Any) -> Any:
    """Load four bytes. An unsigned index is not asked whether it counts from the end: the four become one load."""
    first = np.uint64(at)
    value = np.uint64(data[first]) | np.uint64(data[first + np.uint64(1)]) << np.uint64(8)
    value |= np.uint64(data[first + np.uint64(2)]) << np.uint64(16)
    return value | np.uint64(data[first + np.uint64(3)]) << np.uint64(24)


@nb.njit
def _is_utf8(data: Any, at: Any, end: Any) -> Any:
    """Tell whether bytes are UTF-8 (RFC 3629): shortest forms, no surrogates, up to U+10FFFF."""
    while at < end:
        byte = data[at]
        at += 1
        if byte < 0x80:
            continue
        if byte < 0xC2 or byte > 0xF4:
            return False
        low, high, more = 0x80, 0xBF, 1
        if byte >= 0xF0:
            more = 3
            low = 0x90 if byte == 0xF0 else 0x80
            high = 0x8F if byte == 0xF4 else 0xBF
        elif byte >= 0xE0:
            more = 2
            low = 0xA0 if byte == 0xE0 else 0x80
            high = 0x9F if byte == 0xED else 0xBF
        if end - at < more or data[at] < low or data[at] > high:
            return False
        for following in range(at + 1, at + more):
            if data[following] & 0xC0 != 0x80:
                return False
        at += more
    return True


@nb.njit
def _interpret(value: Any, operation: Any) -> Any:
    """Turn a varint into what its field's type makes of it."""
    if operation == VARINT:
        return value
    if operation == FLAG:
        return np.uint64(value != 0)
    if operation == ZIGZAG32:
        value &= np.uint64(0xFFFFFFFF)
    return (value >> np.uint64(1)) ^ (np.uint64(0) - (value & np.uint64(1)))


@kernel(
    types.void(
        _BYTES,
        types.int64[::1],
        types.int64[::1],
        types.int32[::1],
        types.int32[::1],
        types.int32[::1],
        types.uint64[:, ::1],
        types.uint8[:, ::1],
        types.uint8[::1],
    )
)
def walk(
    data: Any, starts: Any, ends: Any, actions: Any, slots: Any, oneofs: Any, cells: Any, present: Any, marked: Any
) -> None:
    """Walk messages, each ``data[starts[i]:ends[i]]``, into cells by column and message.

    A cell holds a number's bits, or start << 32 | length of a text, bytes or message. ``slots`` gives the row of
    ``present`` for a column that has presence, or -1, and ``oneofs`` the number of the oneof that it belongs to, or -1.
    ``cells``, ``present`` and ``marked`` come in as zeros.
    """
    known = len(actions)
    chosen = np.full(len(slots), -1, np.int64)
    chosen_in = np.full(len(slots), -1, np.int64)
    for message in range(len(starts)):
        at, end = starts[message], ends[message]
        plain = True
        while at < end and plain:
            tag = np.int64(data[np.uint64(at)])
            at += 1
            if tag >= 0x80:
                long_tag, at = _read_varint(data, at - 1, min(end, at - 1 + _LONGEST_SIZE))
                tag = np.int64(long_tag) if at >= 0 and long_tag <= 0xFFFFFFFF else np.int64(0)
            action = actions[np.uint64(tag)] if tag < known else np.int32(SKIP)
            operation = action & _OPERATION
            wire = tag & 7
            value = np.uint64(0)
            if tag < 8:
                plain = False
            elif wire == _WIRE_64:
                plain = end - at >= 8
                if plain and action >= 0:
                    value = _load32(data, at) | _load32(data, at + 4) << np.uint64(32)
                at += 8
            elif wire == _WIRE_LENGTH:
                length, at = _read_varint(data, at, min(end, at + _LONGEST_SIZE))
                plain = at >= 0 and length <= np.uint64(end - at)
                if plain:
                    value = np.uint64(at) << np.uint64(32) | length
                    if action >= 0 and operation == TEXT:
                        plain = _is_utf8(data, at, at + np.int64(length))
                    at += np.int64(length)
            elif wire == _WIRE_VARINT:
                value, at = _read_varint(data, at, end)
                plain = at >= 0
                if action >= 0:
                    value = _interpret(value, operation)
            elif wire == _WIRE_32:
                plain = end - at >= 4
                if plain and action >= 0:
                    value = _load32(data, at)
                at += 4
            else:
                plain = False
            if action < 0 or not plain:
                continue
            column = np.uint64(action >> OPERATION_BITS)
            slot = slots[column]
            if slot >= 0:
                oneof = oneofs[column]
                if oneof >= 0:
                    plain = chosen_in[oneof] != message or chosen[oneof] == column
                    chosen[oneof], chosen_in[oneof] = column, message
                if operation == MESSAGE and present[slot, message]:
                    plain = False
                present[slot, message] = 1
            if operation == LEAVE:
                plain = False
            cells[column, np.uint64(message)] = value
        marked[message] = not plain


@kernel(types.int64(types.uint64[::1], types.uint8[::1], types.int32[::1]))
def measure(cells: Any, marked: Any, offsets: Any) -> Any:
    """Give where each text begins once they lie one after the other, and their length together.

    A text of a marked message is empty: its cell means nothing.
    """
    total = np.int64(0)
    for row in range(len(cells)):
        offsets[row] = total
        if not marked[row]:
            total += np.int64(cells[row] & np.uint64(0xFFFFFFFF))
    offsets[len(cells)] = total
    return total


@kernel(types.void(_BYTES, types.uint64[::1], types.int32[::1], types.uint8[::1]))
def gather(data: Any, cells: Any, offsets: Any, gathered: Any) -> None:
    """Copy the texts that cells point to, one after the other, each to its offset."""
    for row in range(len(cells)):
        start = cells[row] >> np.uint64(32)
        to = np.uint64(offsets[row])
        for byte in range(np.uint64(offsets[row + 1]) - to):
            gathered[to + byte] = data[start + byte]
