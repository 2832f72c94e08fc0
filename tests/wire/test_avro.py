import datetime as dt
import io
import json
import random
import subprocess
import sys
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastavro
import pyarrow as pa
import pytest

from headrace.errors import ConfigurationError
from headrace.wire.avro import AvroCodec
from headrace.wire.layout import ByBranch, ByField, Constant, Layout
from tests.wire.batches import assert_whole, codes_of, raw_of, rows_of

WINE: dict[str, Any] = {
    "type": "record",
    "name": "cellar.Wine",
    "fields": [
        {"name": "dataType", "type": "string"},
        {"name": "alcohol", "type": "double"},
        {"name": "quality", "type": ["null", "int"]},
    ],
}
BEER: dict[str, Any] = {"type": "record", "name": "Beer", "fields": [{"name": "bitterness", "type": "int"}]}
MANY: dict[str, Any] = {
    "type": "record",
    "name": "Many",
    "fields": [
        {"name": "flag", "type": "boolean"},
        {"name": "long", "type": "long"},
        {"name": "float", "type": "float"},
        {"name": "bytes", "type": "bytes"},
        {"name": "fixed", "type": {"type": "fixed", "name": "F", "size": 2}},
        {"name": "enum", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
        {"name": "list", "type": {"type": "array", "items": "double"}},
        {"name": "map", "type": {"type": "map", "values": "int"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "micros", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "time", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "uuid", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "number", "type": ["null", "int", "double"]},
        {"name": "any", "type": ["null", "string", "int", {"type": "array", "items": "int"}]},
        {
            "name": "maker",
            "type": [
                "null",
                {
                    "type": "record",
                    "name": "Maker",
                    "fields": [
                        {"name": "name", "type": "string"},
                        {
                            "name": "place",
                            "type": {"type": "record", "name": "P", "fields": [{"name": "x", "type": "int"}]},
                        },
                    ],
                },
            ],
        },
        {"name": "makers", "type": {"type": "array", "items": "Maker"}},
    ],
}


def write(schema: Any, record: Any) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), record)
    return stream.getvalue()


def wine(alcohol: float = 9.4, quality: int | None = None, data_type: str = "wine") -> dict[str, Any]:
    return {"dataType": data_type, "alcohol": alcohol, "quality": quality}


def test_a_record_has_these_bytes() -> None:
    value = b"\x08wine" + bytes.fromhex("cdcccccccccc2240") + b"\x02\x0a"
    batch = AvroCodec(Layout(ByField("dataType")), json.dumps(WINE)).decode(raw_of([value]))

    assert rows_of(batch) == {"wine": {0: wine(9.4, 5)}}


def test_a_record_that_is_none_fails_alone() -> None:
    good = write(WINE, wine())
    values = [
        good,
        good[:-1],
        good + b"\x00",
        b"",
        b"\x01",
        b"\x08\xff\xff\xff\xff" + good[5:],
        write(WINE, wine(1, 2, "")),
    ]
    codec = AvroCodec(Layout(ByField("dataType")), WINE)
    batch = codec.decode(raw_of(values))

    assert codes_of(batch) == dict.fromkeys(range(1, 6), "undecodable") | {6: "no-data-type"}
    assert rows_of(batch) == {"wine": {0: wine()}}
    schema = pa.schema([("dataType", pa.string()), ("alcohol", pa.float64()), ("quality", pa.int32())])
    assert schema == codec.schema("wine") == batch.groups[0].columns.schema


def test_every_type_has_its_column() -> None:
    record = {
        "flag": True,
        "long": -5,
        "float": 0.5,
        "bytes": b"\x00",
        "fixed": b"ab",
        "enum": "B",
        "list": [1.0, 2.5],
        "map": {"b": 2, "a": 1},
        "at": 1_500,
        "micros": 2_000_001,
        "day": dt.date(2020, 1, 2),
        "time": dt.time(1, 2, 3),
        "uuid": UUID(int=5),
        "price": Decimal("12.50"),
        "number": 7,
        "any": "text",
        "maker": {"name": "x", "place": {"x": 1}},
        "makers": [{"name": "y", "place": {"x": 2}}],
    }
    other = record | {"number": 0.5, "any": [1, 2], "maker": None}
    batch = AvroCodec(Layout(Constant("many")), MANY).decode(raw_of([write(MANY, record), write(MANY, other)]))
    first, second = batch.groups[0].columns.to_pylist()

    expected = record | {
        "map": [{"key": "a", "value": 1}, {"key": "b", "value": 2}],
        "at": dt.datetime(1970, 1, 1, 0, 0, 1, 500_000),  # noqa: DTZ001
        "micros": dt.datetime(1970, 1, 1, 0, 0, 2, 1),  # noqa: DTZ001
        "uuid": "00000000-0000-0000-0000-000000000005",
        "price": 12.5,
        "number": 7.0,
        "maker.name": "x",
        "maker.place.x": 1,
    }
    del expected["maker"]
    assert expected == first
    assert expected | {"number": 0.5, "any": "[1,2]", "maker.name": None, "maker.place.x": None} == second


def test_the_branch_of_a_union_is_the_record_and_the_data_type() -> None:
    union = [WINE, BEER]
    codec = AvroCodec(Layout(ByBranch(), declared=("Wine", "Beer")), union)
    values = [write(union, ("cellar.Wine", wine())), write(union, ("Beer", {"bitterness": 3})), b"\x04", b""]
    batch = codec.decode(raw_of(values))

    assert rows_of(batch) == {"Wine": {0: wine()}, "Beer": {1: {"bitterness": 3}}}
    assert codes_of(batch) == {2: "undecodable", 3: "empty-message"}
    assert pa.schema([("bitterness", pa.int32())]) == codec.schema("Beer")
    assert codec.schema("Cider") is None


def test_a_null_record_is_undecodable() -> None:
    batch = AvroCodec(Layout(Constant("beer")), ["null", BEER]).decode(raw_of([b"\x00", b"\x02\x06"]))

    assert codes_of(batch) == {0: "undecodable"}
    assert rows_of(batch) == {"beer": {1: {"bitterness": 3}}}


INT_RECORD = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}


def single_object(schema: Any, record: Any) -> bytes:
    canonical = fastavro.schema.to_parsing_canonical_form(fastavro.parse_schema(schema))
    return b"\xc3\x01" + rabin(canonical.encode()) + write(schema, record)


def rabin(data: bytes) -> bytes:
    """CRC-64-AVRO as the standard's pseudo code computes it, apart from any library."""
    empty = 0xC15D213AA4D7A795
    found = empty
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = (found >> 1) ^ (empty if found & 1 else 0)
    return found.to_bytes(8, "little")


def test_single_objects_name_the_schema_that_they_are_written_with() -> None:
    older = INT_RECORD
    newer = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "a", "type": "double"}, {"name": "b", "type": "string", "default": "none"}],
    }
    codec = AvroCodec(Layout(Constant("r")), newer, writers=[older], single_object=True)
    values = [
        single_object(older, {"a": 1}),
        single_object(newer, {"a": 2.5, "b": "x"}),
        single_object(BEER, {"bitterness": 1}),
        write(newer, {"a": 1, "b": "x"}),
        b"\xc3\x01",
    ]
    batch = codec.decode(raw_of(values))

    assert rows_of(batch) == {"r": {0: {"a": 1.0, "b": "none"}, 1: {"a": 2.5, "b": "x"}}}
    assert codes_of(batch) == dict.fromkeys((2, 3, 4), "undecodable")
    assert "not configured, of fingerprint" in batch.failures[0].reason


def test_a_plain_record_may_be_written_with_another_schema() -> None:
    newer = INT_RECORD | {"fields": [{"name": "a", "type": "double"}]}
    batch = AvroCodec(Layout(Constant("r")), newer, writers=[INT_RECORD]).decode(raw_of([write(INT_RECORD, {"a": 3})]))

    assert rows_of(batch) == {"r": {0: {"a": 3.0}}}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"schema": "{"}, "not an Avro schema"),
        ({"schema": INT_RECORD | {"fields": [{"name": "a"}]}}, "not an Avro schema"),
        ({"schema": "string"}, "a record, or a union of records"),
        ({"schema": ["null"]}, "has no record"),
        ({"schema": [WINE, BEER]}, "take the data type from the branch"),
        ({"schema": [BEER, BEER | {"name": "other.Beer"}]}, "two records of the Avro union are named 'Beer'"),
        ({"schema": BEER, "writers": [BEER, WINE]}, "written with one schema"),
        (
            {"schema": {"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}},
            "'L' within itself",
        ),
        (
            {"schema": BEER | {"fields": [{"name": "x", "type": {"type": "array", "items": "null"}}]}},
            "takes no bytes",
        ),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        AvroCodec(Layout(ByField("dataType")), **arguments)


def test_damaged_records_end_in_a_group_or_fail() -> None:
    record = {
        "flag": True,
        "long": -5,
        "float": 0.5,
        "bytes": b"\x00",
        "fixed": b"ab",
        "enum": "B",
        "list": [1.0],
        "map": {"b": 2},
        "at": 1_500,
        "micros": 1,
        "day": 5,
        "time": 5,
        "uuid": UUID(int=5),
        "price": Decimal("12.50"),
        "number": 7,
        "any": "text",
        "maker": {"name": "x", "place": {"x": 1}},
        "makers": [{"name": "y", "place": {"x": 2}}],
    }
    good = write(MANY, record)
    random_ = random.Random(3)
    values = []
    for _ in range(3_000):
        value = bytearray(good)
        for _ in range(random_.randrange(3)):
            value[random_.randrange(len(value))] = random_.randrange(256)
        values.append(bytes(value[: random_.choice([len(value), len(value), random_.randrange(len(value))])]))
    batch = AvroCodec(Layout(Constant("many")), MANY).decode(raw_of(values))

    assert_whole(batch)
    assert {"undecodable", "wrong-type"} >= set(codes_of(batch).values())
    intact = {row for row, value in enumerate(values) if value == good}
    assert intact <= rows_of(batch)["many"].keys()


def test_without_its_package_the_codec_says_how_to_install_it() -> None:
    program = "import sys; sys.modules['fastavro'] = None; import headrace.wire.avro"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ended.stderr.splitlines()[-1] == (
        "headrace.errors.MissingExtraError: the Avro codec needs the package fastavro: pip install 'headrace[avro]'"
    )


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ({"type": "array", "items": ["null", BEER]}, [None, {"bitterness": 1}], [None, {"bitterness": 1}]),
        (
            {"type": "map", "values": ["null", BEER]},
            {"a": {"bitterness": 1}},
            [{"key": "a", "value": {"bitterness": 1}}],
        ),
        (["string", BEER], {"bitterness": 1}, '{"bitterness":1}'),
        (["string", BEER], "x", "x"),
        (["string", {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 1}], Decimal("1.5"), "1.5"),
        (["null"], None, None),
    ],
)
def test_unions_within_a_record(kind: Any, value: Any, expected: Any) -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": kind}, {"name": "y", "type": "int"}]}
    batch = AvroCodec(Layout(Constant("r")), schema).decode(raw_of([write(schema, {"x": value, "y": 1})]))

    assert rows_of(batch) == {"r": {0: {"x": expected, "y": 1}}}
