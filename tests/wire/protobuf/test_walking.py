"""The compiled walk agrees with protobuf itself on everything: valid, damaged, unknown, repeated, mistyped."""

import random
import struct

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st

from headrace.wire.protobuf.decoding import Decoder
from headrace.wire.protobuf.reading import Reader
from headrace.wire.protobuf.schema import describe
from headrace.wire.protobuf.slices import Slices
from headrace.wire.protobuf.walking import Walker
from tests.wire.protobuf.messages import SCALARS, build, rich_file, serialize

pytestmark = pytest.mark.slow

RICH = {syntax: build(rich_file(syntax))["Rich"] for syntax in ("proto3", "proto2")}
DECODERS = {syntax: Decoder(describe(message)) for syntax, message in RICH.items()}
READERS = {syntax: Reader(describe(message)) for syntax, message in RICH.items()}


def assert_parity(syntax: str, values: list[bytes]) -> None:
    columns, wrong = DECODERS[syntax].decode(Slices.of(pa.array(values, pa.binary())))
    expected, expected_wrong = READERS[syntax].read(values)
    assert expected_wrong == wrong
    good = [position for position in range(len(values)) if position not in wrong]
    for leaf, column, wanted in zip(describe(RICH[syntax]).leaves, columns, expected, strict=True):
        column.validate(full=True)
        assert wanted.type == column.type
        assert repr(wanted.take(pa.array(good, pa.int64())).to_pylist()) == repr(
            column.take(pa.array(good, pa.int64())).to_pylist()
        ), leaf.name


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


numbers = st.sampled_from([0, 1, -1, 127, 128, 300, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, 2**64 - 1]) | st.integers(
    -(2**63), 2**64 - 1
)
field_numbers = st.sampled_from([*range(1, 16), *range(21, 36), *range(41, 48), 61, 62, 63, 3000, 16, 99, 2**29 - 1, 0])
texts = st.text(max_size=6).map(str.encode)
payloads: st.SearchStrategy[bytes] = st.deferred(
    lambda: st.binary(max_size=6) | texts | st.lists(fields, max_size=3).map(b"".join)
)
fields: st.SearchStrategy[bytes] = st.one_of(
    st.builds(lambda number, value: varint(number << 3) + varint(value), field_numbers, numbers),
    st.builds(lambda number, value: varint(number << 3 | 1) + value, field_numbers, st.binary(min_size=8, max_size=8)),
    st.builds(lambda number, value: varint(number << 3 | 2) + varint(len(value)) + value, field_numbers, payloads),
    st.builds(lambda number, value: varint(number << 3 | 5) + value, field_numbers, st.binary(min_size=4, max_size=4)),
    st.builds(lambda number, value: varint(number << 3 | 3) + value + varint(number << 3 | 4), field_numbers, payloads),
)
encoded = st.lists(fields, max_size=8).map(b"".join)
damaged = st.builds(lambda value, cut: value[: len(value) * cut // 8], encoded, st.integers(0, 8))


@pytest.mark.parametrize("syntax", ["proto3", "proto2"])
@given(values=st.lists(encoded | damaged | st.binary(max_size=12), max_size=5))
def test_the_walk_agrees_with_protobuf(syntax: str, values: list[bytes]) -> None:
    assert_parity(syntax, values)


def random_message(random_: random.Random, message: Descriptor, depth: int = 0) -> bytes:
    values = {}
    for name in SCALARS:
        for prefix in ("f_", "o_"):
            if random_.random() < 0.5:
                values[prefix + name] = random_value(random_, name)
    if random_.random() < 0.5:
        values["color"] = random_.choice([0, 1, -3, 100_000])
    if random_.random() < 0.5:
        values["inner"] = {"a": 5, "b": "é" * random_.randrange(3), "deep": {"c": random_.randrange(-9, 9)}}
    if random_.random() < 0.3:
        values["e_inner"] = {"b": "x"}
    if random_.random() < 0.5:
        values["at"] = {"seconds": random_.randrange(-(2**35), 2**35), "nanos": random_.randrange(10**9)}
    return serialize(message, **values)


def random_value(random_: random.Random, name: str) -> object:
    if name in {"double", "float"}:
        return random_.choice([0.0, -0.0, 1.5, float("inf"), struct.unpack("<f", random_.randbytes(4))[0]])
    if name == "bool":
        return random_.random() < 0.5
    if name == "string":
        return random_.choice(["", "wine", "rosé", "\U0001f377", "\0"])
    if name == "bytes":
        return random_.randbytes(random_.randrange(5))
    signed = not (name.startswith(("u", "f")))
    bits = 32 if name.endswith("32") else 64
    number = random_.choice([0, 1, random_.getrandbits(bits - 1)])
    return -number if signed and random_.random() < 0.5 else number


@pytest.mark.parametrize("syntax", ["proto3", "proto2"])
def test_the_walk_agrees_on_whole_messages_with_changed_bytes(syntax: str) -> None:
    random_ = random.Random(11)
    values = []
    for _ in range(2_000):
        value = bytearray(random_message(random_, RICH[syntax]))
        for _ in range(random_.choice([0, 0, 1, 2])):
            if value:
                value[random_.randrange(len(value))] = random_.choice([0, 1, 0x7F, 0x80, 0xFF, random_.randrange(256)])
        if random_.random() < 0.1:
            value = value[: random_.randrange(len(value) + 1)]
        values.append(bytes(value))
    assert_parity(syntax, values)


@pytest.mark.parametrize(
    "value",
    [
        varint(1 << 3 | 1) + bytes(8) + varint(1 << 3 | 1) + struct.pack("<d", 2.5),  # the last one counts
        b"\x89\x00" + bytes(8),  # a tag in more bytes than it needs
        b"\x89\x80\x80\x80\x80\x00" + bytes(8),  # in more than a tag may have
        varint(14 << 3 | 2) + b"\x81\x80\x80\x80\x00a",  # a length in more bytes than it needs
        varint(14 << 3 | 2) + b"\x81\x80\x80\x80\x80\x00a",
        varint(13 << 3) + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        varint(13 << 3) + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",  # a varint beyond 64 bits
        varint(13 << 3) + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        varint(3 << 3) + varint(2**35 + 7),  # an int32 in more bits
        varint(7 << 3) + varint(2**32 + 3),
        varint(1 << 3 | 2) + b"\x08" + bytes(8),  # a packed list where there is no list
        varint(43 << 3 | 2) + b"\x02\x08\x05" + varint(43 << 3 | 2) + b"\x03\x12\x01x",  # a message in two pieces
        varint(61 << 3 | 1) + bytes(8) + varint(62 << 3 | 2) + b"\x01x",  # two members of a oneof
        varint(62 << 3 | 2) + b"\x01x" + varint(62 << 3 | 2) + b"\x01y",
        varint(47 << 3 | 2) + b"\x02\x08\x05",  # a message within itself
        varint(47 << 3 | 2) + b"\x01\xff",
        varint(44 << 3 | 2) + b"\x0b\x08" + varint(2**62),  # a time beyond any time
        varint(44 << 3 | 2) + b"\x0a\x08" + varint(2**62),
        varint(44 << 3 | 2) + b"\x0c\x08\x01" + b"\x10" + varint(-1),
        varint(41 << 3) + varint(7),  # an enum's number without a name
        varint(41 << 3) + varint(1) + varint(41 << 3) + varint(7),
        varint(42 << 3) + varint(-3),
        varint(14 << 3 | 2) + b"\x03\xed\xa0\x80",  # a surrogate in UTF-8
        varint(14 << 3 | 2) + b"\x02\xc0\x80",
        varint(14 << 3 | 2) + b"\x04\xf4\x90\x80\x80",
        varint(45 << 3 | 2) + b"\x00",
        b"\x04",
        b"\x00\x00",
        b"\x0f",
    ],
)
def test_the_walk_agrees_on_what_is_odd(value: bytes) -> None:
    good = serialize(RICH["proto3"], f_double=1.5, inner={"a": 1})
    assert_parity("proto3", [good, value, good])
    assert_parity("proto2", [good, value, good])


def test_plain_messages_are_not_left_to_protobuf() -> None:
    random_ = random.Random(5)
    values = [random_message(random_, RICH["proto3"]) for _ in range(200)]
    walked = Walker(describe(RICH["proto3"])).walk(Slices.of(pa.array(values, pa.binary())))

    assert not walked.marked.any()


def test_a_part_of_a_column_is_decoded() -> None:
    values = pa.array([serialize(RICH["proto3"], f_int32=number) for number in range(5)], pa.binary()).slice(2, 2)
    columns, _ = DECODERS["proto3"].decode(Slices.of(values))

    assert columns[2].to_pylist() == [2, 3]


@pytest.mark.parametrize("kind", [pa.large_binary(), pa.string(), pa.binary(4)])
def test_other_binary_columns_are_read(kind: pa.DataType) -> None:
    slices = Slices.of(pa.array(["abcd"]).cast(pa.binary()).cast(kind))

    assert b"abcd" == slices[0]


def test_no_messages_have_no_rows() -> None:
    columns, wrong = DECODERS["proto3"].decode(Slices.of(pa.array([], pa.binary())))

    assert np.zeros(len(columns)).tolist() == [len(column) for column in columns]
    assert wrong == {}
