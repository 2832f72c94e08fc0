"""The framing against readers that look at one byte, or one record, at a time."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headrace.transports.framing import Frame, cut_values, frame_csv, frame_delimited, frame_lines

TEXTS = st.lists(st.sampled_from([b"a", b"\xff", b",", b'"', b'""', b"\n", b"\r\n", b"\r", b" "])).map(b"".join)
CSV_TEXTS = st.lists(st.sampled_from(["a", "é", ",", ';"', '"', '""', "\n", "\r\n", " "])).map("".join)
MESSAGES = st.lists(st.binary(max_size=5) | st.integers(100, 20_000).map(bytes))


def frame_all(frame: Frame, content: bytes) -> list[bytes]:
    framed = frame(content, True)
    assert len(content) == framed.used
    values = cut_values(content, framed)
    values.validate(full=True)
    found: list[bytes] = values.to_pylist()
    return found


def split_lines(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix(b"\r") for line in lines]


def write_delimited(messages: list[bytes]) -> bytes:
    return b"".join(write_varint(len(message)) + message for message in messages)


def write_varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number % 128 + 128]) + write_varint(number // 128)


@given(content=TEXTS)
def test_lines_are_what_lies_between_line_ends(content: bytes) -> None:
    assert split_lines(content) == frame_all(frame_lines, content)


@settings(max_examples=500)
@given(text=CSV_TEXTS)
@example('a"b\n"c"\n')
@example('"""\n"""\n')
@example('"a"b"\nc"\n')
def test_csv_records_are_those_of_a_reader_of_cells(text: str) -> None:
    expected = list(csv.reader(io.StringIO(text, newline="")))
    found = [record.decode() for record in frame_all(frame_csv(",", '"'), text.encode())]
    cells = [next(csv.reader(io.StringIO(record, newline="")), []) for record in found]
    assert expected == cells


@pytest.mark.parametrize(("delimiter", "quote"), [(";", "'"), ("\t", "^"), ("|", ".")])
def test_csv_may_have_other_delimiters_and_quotes(delimiter: str, quote: str) -> None:
    content = f"a{delimiter}{quote}b\nc{quote}\nd{quote}{delimiter}\n".encode()
    expected = [content[: content.index(b"\nd")], content[content.index(b"d") : -1]]
    assert expected == frame_all(frame_csv(delimiter, quote), content)


@given(messages=MESSAGES)
def test_messages_follow_their_lengths(messages: list[bytes]) -> None:
    assert messages == frame_all(frame_delimited, write_delimited(messages))


@given(messages=MESSAGES.filter(bool), cut=st.integers(min_value=1))
def test_a_message_cut_short_is_given_from_its_length_on(messages: list[bytes], cut: int) -> None:
    whole, last = write_delimited(messages[:-1]), write_delimited(messages[-1:])
    rest = last[: cut % len(last)]
    expected = frame_all(frame_delimited, whole) + ([rest] if rest else [])
    assert expected == frame_all(frame_delimited, whole + rest)


@pytest.mark.parametrize("frame", [frame_lines, frame_csv(",", '"'), frame_delimited])
@given(content=TEXTS)
def test_what_has_no_end_yet_is_not_used(frame: Frame, content: bytes) -> None:
    framed = frame(content, False)
    whole = frame_all(frame, content)
    values = cut_values(content, framed).to_pylist()
    assert whole[: len(values)] == values
    assert len(whole) - len(values) == (framed.used < len(content))


def test_a_length_that_never_ends_is_not_read_as_one() -> None:
    assert [b"a", b"\xff" * 100] == frame_all(frame_delimited, b"\x01a" + b"\xff" * 100)
