import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import RecordError
from headrace.records import Batch, DeadLetters, Failure, ModelVersion, Raw, SlotKey
from headrace.wire.dead_letters import (
    LARGEST,
    DeadLetter,
    decode_dead_letter,
    encode_dead_letters,
    encode_messages,
    tabulate_dead_letters,
)

VERSION = ModelVersion("tree", "1", "a" * 64, 7)
RAW = Raw(
    "wine",
    3,
    np.array([10, 11, 12]),
    pa.array([b"\xff\x00", None, b"x"]),
    keys=pa.array([b"k", None, b"\xfe"]),
    timestamps=np.array([1, 2, 3]),
)
FAILURES = (Failure(0, "undecodable", "the record is not a JSON object"), Failure(1, "empty-message", "no value"))
LETTERS = DeadLetters(Batch(RAW, (), FAILURES), None, FAILURES)


def test_a_dead_letter_has_this_line() -> None:
    first, second, nothing = encode_dead_letters(LETTERS).decode().split("\n")

    assert nothing == ""
    assert first == (
        '{"id":"wine/3/10","source":"wine","partition":3,"offset":10,"data_type":null,"slot":null,'
        '"code":"undecodable","reason":"the record is not a JSON object","model":null,"version":null,"digest":null,'
        '"position":null,"timestamp":1,"key":"aw==","original":"/wA=","row":null}'
    )
    assert json.loads(second)["original"] is None


def test_a_dead_letter_comes_back_with_its_bytes() -> None:
    letters = DeadLetters(LETTERS.batch, SlotKey("wine", "blue"), (Failure(2, "not-scored", "why"),), VERSION)
    (line,) = encode_dead_letters(letters).splitlines()

    assert decode_dead_letter(line) == DeadLetter(
        "wine/3/12", "wine", 3, 12, SlotKey("wine", "blue"), "not-scored", "why", VERSION, 3, b"\xfe", b"x", None
    )
    (row,) = tabulate_dead_letters(letters).to_pylist()
    assert (row["original"], row["key"], row["digest"], row["slot"]) == (b"x", b"\xfe", "a" * 64, "blue")


def test_a_row_of_columns_comes_back_as_an_object() -> None:
    table = pa.record_batch(
        {
            "a": pa.array([1.5, float("nan")]),
            "b": pa.array([b"\x00", None]),
            "t": pa.array([1, 2], pa.timestamp("ns")),
            "n": pa.array([{"x": 1}, None]),
        }
    )
    raw = Raw("objects", 0, np.arange(2), pa.array([None, b"17"]), table)
    failures = (Failure(0, "missing-field", "why"), Failure(1, "undecodable", "why"))
    letters = DeadLetters(Batch(raw, (), failures, ids=pa.array(["r", None])), None, failures)
    first, second = (decode_dead_letter(line) for line in encode_dead_letters(letters).splitlines())

    assert (first.id, first.original, first.key, first.timestamp) == ("r", None, None, None)
    assert first.row == {"a": 1.5, "b": "AA==", "t": "1970-01-01T00:00:00.000000001", "n": {"x": 1}}
    assert (second.id, second.original, second.row) == ("objects/0/1", b"17", None)
    assert '"a":1.5' in tabulate_dead_letters(letters).column("row")[0].as_py()


def test_a_message_that_would_be_too_large_goes_without_what_the_record_held() -> None:
    values = pa.array([b"x", b"x" * 760_000, b"x" * 600_000])
    keys = pa.array([b"k", b"l", b"m" * 300_000])
    raw = Raw("wine", 3, np.array([10, 11, 12]), values, keys=keys)
    failures = tuple(Failure(row, "undecodable", "why") for row in range(3))
    messages = encode_messages(DeadLetters(Batch(raw, (), failures), None, failures))

    whole, *cut = [decode_dead_letter(line) for _, line in messages]
    assert [b"k", None, None] == [key for key, _ in messages]
    assert (b"x", b"k", "why") == (whole.original, whole.key, whole.reason)
    for offset, letter in zip((11, 12), cut, strict=True):
        assert (None, None, None, f"wine/3/{offset}") == (letter.original, letter.row, letter.key, letter.id)
        assert letter.reason.endswith(f"dead letter: the record is at wine, partition 3, offset {offset})")
    assert all(len(line) <= LARGEST for _, line in messages)


def test_a_row_of_columns_is_left_out_too() -> None:
    table = pa.record_batch({"a": ["x" * 1_000_000]})
    raw = Raw("objects", 0, np.arange(1), table=table)
    failures = (Failure(0, "missing-field", "why"),)
    ((_, line),) = encode_messages(DeadLetters(Batch(raw, (), failures, ids=pa.array(["r"])), None, failures))

    letter = decode_dead_letter(line)
    assert ("r", None) == (letter.id, letter.row)


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"\xff", b'{"id": 1}'])
def test_a_line_that_is_no_dead_letter_is_refused(line: bytes) -> None:
    with pytest.raises(RecordError, match="not a dead letter that Headrace wrote"):
        decode_dead_letter(line)


@pytest.mark.parametrize("change", [{"partition": "x"}, {"original": "§"}, {"key": 5}, {"row": 7}, {"id": None}])
def test_a_changed_dead_letter_is_refused(change: dict[str, object]) -> None:
    members = json.loads(encode_dead_letters(LETTERS).splitlines()[0])
    with pytest.raises(RecordError):
        decode_dead_letter(json.dumps(members | change))


@given(st.lists(st.binary(max_size=10), min_size=1, max_size=5), st.text(st.characters(codec="utf-8"), max_size=5))
def test_any_bytes_come_back(values: list[bytes], reason: str) -> None:
    raw = Raw("s", 0, np.arange(len(values)), pa.array(values, pa.binary()))
    failures = tuple(Failure(row, "code", reason) for row in range(len(values)))
    lines = encode_dead_letters(DeadLetters(Batch(raw, (), failures), None, failures)).split(b"\n")

    assert values == [decode_dead_letter(line).original for line in lines[:-1]]
