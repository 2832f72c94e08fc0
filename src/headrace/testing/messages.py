"""Mutants of protobuf messages that stay messages: a field is dropped, doubled, moved, or given another value.

The schema is not needed: bytes that can be read as fields are taken for a message, and lengths are written anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from headrace.protofields import BYTES, VARINT, WireError, read_fields, write_varint

EXTREMES = (0, 1, 2, 3, 7, 127, 128, 2**31 - 1, 2**31, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1)
"""Numbers that stand where others are expected; the last ones are negative to most readers."""
_DEEP = 300

Value = int | bytes
Message = list[tuple[int, int, Value]]
"""Number, wire type and value of each field."""


def read_message(content: bytes) -> Message | None:
    """Read bytes as fields, or give None where they are none."""
    fields: Message = []
    try:
        for number, kind, first, last in read_fields(content, 0, len(content)):
            if not number:
                return None
            fields.append((number, kind, first if kind == VARINT else content[first:last]))
    except WireError:
        return None
    return fields


def write_message(fields: Message) -> bytes:
    """Write fields as bytes."""
    parts = []
    for number, kind, value in fields:
        parts.append(write_varint(number << 3 | kind))
        if isinstance(value, int):
            parts.append(write_varint(value))
        else:
            parts += [write_varint(len(value)), value] if kind == BYTES else [value]
    return b"".join(parts)


def mutate_message(generator: random.Random, content: bytes, mutate: Callable[[bytes], bytes]) -> bytes:
    """Change one field somewhere in a message; ``mutate`` changes what is no message itself."""
    fields = read_message(content)
    if not fields:
        return mutate(content)
    place = generator.randrange(len(fields))
    number, kind, value = fields[place]
    if isinstance(value, bytes) and kind == BYTES and generator.random() < 0.8:
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
    elif action == 3 and kind == BYTES:
        other_number, other_kind, other_value = generator.choice(fields)
        fields[place] = (number, other_kind, other_value) if other_kind == kind else (other_number, kind, value)
    elif action == 4 and isinstance(value, bytes) and kind == BYTES:
        for _ in range(generator.choice((2, _DEEP))):
            value = write_message([(number, BYTES, value)])
        fields[place] = (number, kind, value)
    elif isinstance(value, int):
        fields[place] = (number, kind, generator.choice(EXTREMES))
    else:
        fields[place] = (number, kind, mutate(value) if kind == BYTES else generator.randbytes(len(value)))
    return write_message(fields)
