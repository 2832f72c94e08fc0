"""Keys of a model topic, and models divided and put together."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.transports.kafka.parts import Assembler, PartKey, decode_part_key, encode_command_key, split


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@given(st.binary(max_size=200), st.integers(1, 50), st.randoms(use_true_random=False))
def test_parts_come_together_in_any_order_and_number(content: bytes, size: int, chance: random.Random) -> None:
    parts = list(split(content, digest_of(content), size))
    sent = parts + [each for each in parts if chance.random() < 0.5]
    chance.shuffle(sent)
    assembler = Assembler(10_000)
    for name, value in sent:
        key = decode_part_key(name)
        assert key is not None
        assembler.add(key, value)
    assert content == assembler.take(digest_of(content))
    assert (None, 0) == (assembler.take(digest_of(content)), assembler.size)


@given(st.text(), st.text(), st.text())
def test_the_key_of_a_command_is_that_of_no_part(data_type: str, slot: str, identity: str) -> None:
    assert decode_part_key(encode_command_key("publish", data_type, slot, identity)) is None


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_no_two_slots_share_a_key(one: str, two: str, three: str, four: str) -> None:
    first, second = encode_command_key("publish", one, two, "1"), encode_command_key("publish", three, four, "1")
    assert ((one, two) == (three, four)) == (first == second)


@pytest.mark.parametrize(
    "key",
    [None, b"", b"wine", b'["bytes",', b'["bytes","d",2,2]', b'["bytes","d",-1,2]', b'["bytes","d",0,65537]',
     b'["bytes","d","0",1]', b'["bytes","d",0]', b'["bytes",\xff'],
)  # fmt: skip
def test_other_keys_are_of_no_part(key: bytes | None) -> None:
    assert decode_part_key(key) is None


def test_bytes_that_are_not_what_the_digest_says_are_not_given() -> None:
    digest = digest_of(b"model")
    assembler = Assembler(100)
    assembler.add(PartKey(digest, 0, 2), b"mod")
    assert assembler.take(digest) is None
    assembler.add(PartKey(digest, 1, 2), b"es!")
    assert (None, 0) == (assembler.take(digest), assembler.size)


def test_parts_of_another_size_do_not_mix() -> None:
    digest = digest_of(b"model")
    assembler = Assembler(100)
    assembler.add(PartKey(digest, 0, 3), b"mo")
    for name, value in split(b"model", digest, 3):
        key = decode_part_key(name)
        assert key is not None
        assembler.add(key, value)
    assert b"model" == assembler.take(digest)


def test_what_is_held_is_bounded_and_the_oldest_goes_first() -> None:
    first, second = digest_of(b"abcd"), digest_of(b"efgh")
    assembler = Assembler(6)
    assembler.add(PartKey(first, 0, 1), b"abcd")
    assembler.add(PartKey(second, 0, 1), b"efgh")
    assert (4, None, b"efgh") == (assembler.size, assembler.take(first), assembler.take(second))
