"""Mutants of protobuf messages that stay messages: a field is dropped, doubled, moved, or given another value.

The schema is not needed: bytes that can be read as fields are taken for a message, and lengths are written anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable

EXTREMES = (0, 1, 2, 3, 7, 127, 128, 2**31 - 1, 2**31, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
"""Numbers that stand where others are expected; the last ones are negative to most readers."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DEEP = 300

Value = int | bytes
Message = list[tuple[int, int, Value]]
"""Number, wire type and value of each field."""


def read_message(content: bytes) -> Message | None:
    """Read bytes as fields, or give None where they are none."""
    fields: Message = []
    place = 0
    while place < len(content):
        tag, place = _read_varint(content, place)
        number, kind = tag >> 3, tag & 7
        if place < 0 or not number:
            return None
        if kind == _VARINT:
            value, place = _read_varint(content, place)
            fields.append((number, kind, value))
            if place < 0:
                return None
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if kind == _BYTES:
            size, place = _read_varint(content, place)
        if size < 0 or place < 0 or place + size > len(content):
            return None
        fields.append((number, kind, content[place : place + size]))
        place += size
    return fields


def write_message(fields: Message) -> bytes:
    """Write fields as bytes."""
    parts = []
    for number, kind, value in fields:
        parts.append(_write_varint(number << 3 | kind))
        if isinstance(value, int):
            parts.append(_write_varint(value))
        else:
            parts += [_write_varint(len(value)), value] if kind == _BYTES else [value]
    return b"".join(parts)


def mutate_message(generator: random.Random, content: bytes, mutate: Callable[[bytes], bytes]) -> bytes:
    """Change one field somewhere in a message; ``mutate`` changes what is no message itself."""
    fields = read_message(content)
    if not fields:
        return mutate(content)
    place = generator.randrange(len(fields))
    number, kind, value = fields[place]
    if isinstance(value, bytes) and kind == _BYTES and generator.random() < 0.8:
        fields[place] = (number, kind, mutate_message(generator, value, mutate))
        return write_message(fields)
    action = generator.randrange(6)
    if action == 0:
        del fields[place]
    elif action == 1:
        fields.insert(generator.randrange(len(fields) + 1), fields[place])
    elif action == 2:
        other = generator.randrange(len(fields))
        fields[place], fields[other] = fields[other], fields[place]
    elif action == 3 and kind == _BYTES:
        other_number, other_kind, other_value = generator.choice(fields)
        fields[place] = (number, other_kind, other_value) if other_kind == kind else (other_number, kind, value)
    elif action == 4 and isinstance(value, bytes) and kind == _BYTES:
        for _ in range(generator.choice((2, _DEEP))):
            value = write_message([(number, _BYTES, value)])
        fields[place] = (number, kind, value)
    elif isinstance(value, int):
        fields[place] = (number, kind, generator.choice(EXTREMES))
    else:
        fields[place] = (number, kind, mutate(value) if kind == _BYTES else generator.randbytes(len(value)))
    return write_message(fields)


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    """Read a number; the place after it is -1 where it does not end."""
    value = shift = 0
    while place < len(content) and shift < 70:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
        shift += 7
    return 0, -1


def _write_varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
