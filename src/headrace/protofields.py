"""Protobuf messages of unknown origin, walked field by field without their schema.

Nothing is copied and nothing is made of the parts: what a reader asks of a file before a library parses it costs no
memory. Source: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types; what has another one is no message here."""


class WireError(ValueError):
    """The bytes are not protobuf, or end too soon: within the field ``number``, where that is known and not 0."""

    def __init__(self, message: str, number: int = 0) -> None:
        super().__init__(message)
        self.number = number


def read_fields(content: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Give each field's number and wire type, and where its bytes begin and end (of a varint: its value, twice).

    Raises ``WireError``.
    """
    place = start
    while place < end:
        tag, place = _read_varint(content, place, end)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, place = _read_varint(content, place, end)
            yield number, kind, value, value
            continue
        if kind == BYTES:
            size, place = _read_varint(content, place, end)
        elif kind in {FIXED64, FIXED32}:
            size = 8 if kind == FIXED64 else 4
        else:
            raise WireError(f"a field of wire type {kind} at byte {place}")
        if place + size > end:
            raise WireError(f"field {number} at byte {place} ends after the bytes do", number)
        yield number, kind, place, place + size
        place += size


def write_varint(value: int) -> bytes:
    """Write a number that is not negative."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _read_varint(content: bytes, place: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while place < end and shift < 70:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
        shift += 7
    raise WireError(f"a number at byte {place} does not end")
