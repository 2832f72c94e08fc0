"""The walk over protobuf's fields: what it gives, and what it says of bytes that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.protofields import BYTES, FIXED32, FIXED64, VARINT, WireError, read_fields, write_varint


def read(content: bytes) -> list[tuple[int, int, int, int]]:
    return list(read_fields(content, 0, len(content)))


def test_fields_are_given_with_their_places() -> None:
    content = b"\x08\x96\x01" + b"\x12\x02hi" + b"\x19" + bytes(8) + b"\x25" + bytes(4)
    assert [(1, VARINT, 150, 150), (2, BYTES, 5, 7), (3, FIXED64, 8, 16), (4, FIXED32, 17, 21)] == read(content)


def test_a_part_is_read_within_its_bounds() -> None:
    content = b"\x12\x02\x08\x05\x08\x07"
    assert [(1, VARINT, 5, 5)] == list(read_fields(content, 2, 4))


@pytest.mark.parametrize(
    ("content", "number", "told"),
    [
        (b"\x3a\x05ab", 7, "field 7 at byte 2 ends after the bytes do"),
        (b"\x09abc", 1, "field 1 at byte 1 ends after the bytes do"),
        (b"\x0b", 0, "a field of wire type 3 at byte 1"),
        (b"\x08", 0, "a number at byte 1 does not end"),
        (b"\x08" + b"\xff" * 12, 0, "a number at byte 11 does not end"),
    ],
)
def test_what_is_no_message_is_told_with_the_field_that_was_cut(content: bytes, number: int, told: str) -> None:
    with pytest.raises(WireError) as raised:
        read(content)
    assert (number, told) == (raised.value.number, str(raised.value))


@given(st.integers(0, 2**64 - 1))
def test_a_number_that_is_written_is_read(value: int) -> None:
    assert [(1, VARINT, value, value)] == read(b"\x08" + write_varint(value))
