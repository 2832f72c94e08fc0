import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Kind
from hypothesis import given
from hypothesis import strategies as st

from headrace.abc.codec import Role, role_of
from headrace.errors import ConfigurationError
from headrace.records import Batch
from headrace.wire.layout import ByBranch, ByField, ByTopic, Constant, Layout
from headrace.wire.proto import wine_pb2
from headrace.wire.protobuf import ProtobufCodec, find_message
from tests.wire.batches import assert_whole, codes_of, raw_of, rows_of
from tests.wire.protobuf.messages import add_message, build, new_file, serialize

WINE = wine_pb2.WineRecord.DESCRIPTOR
NAMES = [field.name for field in WINE.fields][:11]


def wine(data_type: str = "wine", **values: float) -> bytes:
    return serialize(WINE, dataType=data_type, **values)


def envelope_file() -> descriptor_pb2.FileDescriptorProto:
    file = new_file()
    add_message(file, "Wine", [("alcohol", 1, Kind.TYPE_DOUBLE, ""), ("name", 2, Kind.TYPE_STRING, "optional")])
    add_message(file, "Beer", [("bitterness", 1, Kind.TYPE_INT32, "")])
    branches: list[tuple[str, int, Any, str]] = [
        ("id", 1, Kind.TYPE_STRING, ""),
        ("at", 2, "google.protobuf.Timestamp", ""),
        ("wine", 3, "test.Wine", "oneof record"),
        ("beer", 4, "test.Beer", "oneof record"),
        ("number", 5, Kind.TYPE_DOUBLE, "oneof record"),
        ("maybe", 6, Kind.TYPE_INT32, "optional"),
    ]
    add_message(file, "Envelope", branches)
    add_message(file, "Listing", [*branches, ("tags", 7, Kind.TYPE_STRING, "repeated")])
    return file


MESSAGES = build(envelope_file())


def test_wine_records_become_columns() -> None:
    codec = ProtobufCodec(WINE, Layout(ByField("dataType"), declared=("wine",)))
    batch = codec.decode(raw_of([wine(alcohol=9.4, pH=3.51), wine()]))

    zeros = dict.fromkeys(NAMES, 0.0)
    assert rows_of(batch) == {
        "wine": {0: zeros | {"alcohol": 9.4, "pH": 3.51, "dataType": "wine"}, 1: zeros | {"dataType": "wine"}}
    }
    columns = batch.groups[0].columns
    assert columns.schema.equals(codec.schema("wine"), check_metadata=True)
    assert [*NAMES, "dataType"] == columns.schema.names
    assert [None] * 11 + [Role.DATA_TYPE] == [role_of(field) for field in columns.schema]


def test_rows_that_fail_leave_their_neighbours_alone() -> None:
    layout = Layout(ByField("dataType"), declared=("wine", "red"))
    values = [
        wine(alcohol=1),
        b"\xff",
        b"",
        None,
        wine("beer"),
        wine("", pH=1),
        wine(alcohol=1)[:-2],
        wine("red", alcohol=2),
    ]
    batch = ProtobufCodec(WINE, layout).decode(raw_of(values))

    assert_whole(batch)
    assert codes_of(batch) == {
        1: "undecodable",
        2: "empty-message",
        3: "empty-message",
        4: "undeclared-data-type",
        5: "no-data-type",
        6: "undecodable",
    }
    assert {"wine": [0], "red": [7]} == {group.data_type: group.rows.tolist() for group in batch.groups}
    assert [2.0] == batch.groups[1].columns.column("alcohol").to_pylist()


def test_zero_is_a_value_and_an_empty_message_is_a_record_of_zeros() -> None:
    layout = Layout(Constant("wine"), required=("alcohol",))
    batch = ProtobufCodec(WINE, layout).decode(raw_of([b"", wine()]))

    assert codes_of(batch) == {}
    assert [0.0, 0.0] == batch.groups[0].columns.column("alcohol").to_pylist()


def test_the_data_type_may_be_that_of_the_topic() -> None:
    codec = ProtobufCodec(WINE, Layout(ByTopic({"reds": "wine"})))

    assert ["wine"] == [group.data_type for group in codec.decode(raw_of([wine("x")], source="reds")).groups]
    assert ["whites"] == [group.data_type for group in codec.decode(raw_of([wine("x")], source="whites")).groups]


def envelope(name: str, **values: Any) -> bytes:
    return serialize(MESSAGES[name], **values)


@pytest.mark.parametrize("name", ["Envelope", "Listing"])
def test_the_branch_of_a_oneof_is_the_record_and_the_data_type(name: str) -> None:
    codec = ProtobufCodec(MESSAGES[name], Layout(ByBranch(), id_field="id", time_field="at"))
    values = [
        envelope(name, id="a", at={"seconds": 1}, wine={"alcohol": 9.4}),
        envelope(name, id="b", at={"seconds": 2}, beer={}),
        envelope(name, id="c", at={"seconds": 3}, number=0.0),
        envelope(name, id="d", at={"seconds": 4}),
        b"\x1a\x01\xff",
        envelope(name, id="e", at={"seconds": 5, "nanos": 7_999_999}, wine={"name": "x"}),
        envelope(name, at={"seconds": 6}, beer={}),
        envelope(name, id="g", beer={}),
    ]
    batch = codec.decode(raw_of(values))

    assert_whole(batch)
    assert rows_of(batch) == {
        "wine": {0: {"alcohol": 9.4, "name": None}, 5: {"alcohol": 0.0, "name": "x"}},
        "beer": {1: {"bitterness": 0}},
        "number": {2: {"number": 0.0}},
    }
    assert codes_of(batch) == {3: "no-data-type", 4: "undecodable", 6: "missing-field", 7: "missing-field"}
    assert batch.ids is not None
    assert ["a", "b", "c"] == batch.ids.to_pylist()[:3]
    assert batch.times is not None
    assert [1_000, 2_000, 3_000, 5_007] == batch.times[[0, 1, 2, 5]].tolist()
    assert pa.schema([("alcohol", pa.float64()), ("name", pa.string())]) == codec.schema("wine")
    assert codec.schema("cider") is None


def test_the_last_branch_counts_and_the_pieces_of_one_are_joined() -> None:
    wine_a, wine_b = envelope("Envelope", wine={"alcohol": 1.5}), envelope("Envelope", wine={"name": "b"})
    beer = envelope("Envelope", beer={"bitterness": 3})
    plain = envelope("Envelope", wine={"alcohol": 7.5})
    codec = ProtobufCodec(MESSAGES["Envelope"], Layout(ByBranch("record")))
    batch = codec.decode(raw_of([wine_a + wine_b, plain, wine_a + beer, wine_a + beer + wine_b]))

    assert rows_of(batch) == {
        "wine": {0: {"alcohol": 1.5, "name": "b"}, 1: {"alcohol": 7.5, "name": None}, 3: {"alcohol": 0.0, "name": "b"}},
        "beer": {2: {"bitterness": 3}},
    }


def test_a_time_beyond_any_time_around_the_record_fails_alone() -> None:
    values = [envelope("Envelope", id="a", at={"seconds": seconds}, beer={}) for seconds in (1, 2**60)]
    batch = ProtobufCodec(MESSAGES["Envelope"], Layout(ByBranch(), time_field="at")).decode(raw_of(values))

    assert codes_of(batch) == {1: "undecodable"}
    assert "years 1 to 9999" in batch.failures[0].reason


def test_branches_may_be_declared() -> None:
    codec = ProtobufCodec(MESSAGES["Envelope"], Layout(ByBranch(), declared=("wine",)))
    batch = codec.decode(raw_of([envelope("Envelope", wine={}), envelope("Envelope", beer={}), b""]))

    assert codes_of(batch) == {1: "undeclared-data-type", 2: "empty-message"}


@pytest.mark.parametrize(
    ("message", "oneof", "reason"),
    [
        (WINE, "", "not exactly one oneof.*it has: none"),
        (WINE, "record", "no oneof 'record'"),
        (MESSAGES["Envelope"], "other", "no oneof 'other'; it has: record"),
    ],
)
def test_a_oneof_that_is_not_there_is_refused(message: Descriptor, oneof: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        ProtobufCodec(message, Layout(ByBranch(oneof)))


def test_fields_that_proto2_requires_are_required() -> None:
    file = new_file("proto2")
    add_message(file, "Inner", [("x", 1, Kind.TYPE_INT32, "required")])
    fields = [
        ("a", 1, Kind.TYPE_INT32, "required"),
        ("b", 2, Kind.TYPE_INT32, "optional"),
        ("c", 3, "test.Inner", "required"),
    ]
    add_message(file, "Old", fields)
    add_message(file, "Around", [("old", 1, "test.Old", "oneof record"), ("x", 2, Kind.TYPE_INT32, "oneof record")])
    messages = build(file)
    values = [
        serialize(messages["Old"], a=1, c={"x": 1}),
        serialize(messages["Old"], b=1, c={"x": 1}),
        serialize(messages["Old"], a=1, c={}),
    ]
    batch = ProtobufCodec(messages["Old"], Layout(Constant("old"))).decode(raw_of(values))
    assert codes_of(batch) == {1: "missing-field", 2: "missing-field"}
    assert rows_of(batch) == {"old": {0: {"a": 1, "b": None, "c.x": 1}}}

    around = [b"\x0a" + bytes([len(value)]) + value for value in values]
    batch = ProtobufCodec(messages["Around"], Layout(ByBranch(), declared=("old",))).decode(raw_of(around))
    assert codes_of(batch) == {1: "missing-field", 2: "missing-field"}


def test_lists_maps_and_messages_within_themselves() -> None:
    file = new_file()
    add_message(file, "Point", [("x", 1, Kind.TYPE_DOUBLE, ""), ("within", 2, "test.Many", "")])
    fields = [
        ("values", 1, Kind.TYPE_DOUBLE, "repeated"),
        ("names", 2, Kind.TYPE_STRING, "repeated"),
        ("colors", 3, "test.Color", "repeated"),
        ("points", 4, "test.Point", "repeated"),
        ("again", 5, "test.Many", ""),
        ("stamps", 6, "google.protobuf.Timestamp", "repeated"),
    ]
    add_message(file, "Many", fields)
    many = build(file)["Many"]
    values = [
        serialize(many, values=[1, 2.5], names=["a"], colors=[1, 9], points=[{"x": 3}], stamps=[{"seconds": 1}]),
        serialize(many, again={"values": [1]}),
        b"\x0a\x03abc",
    ]
    codec = ProtobufCodec(many, Layout(Constant("many")))
    batch = codec.decode(raw_of(values))

    assert codes_of(batch) == {2: "undecodable"}
    schema = codec.schema("many")
    assert schema is not None
    assert ["values", "names", "colors", "points", "stamps"] == schema.names
    first, second = batch.groups[0].columns.to_pylist()
    assert {name: first[name] for name in ("values", "names", "colors", "points")} == {
        "values": [1.0, 2.5],
        "names": ["a"],
        "colors": ["GREEN", "9"],
        "points": [{"x": 3.0}],
    }
    assert second == {name: [] for name in schema.names}


def test_messages_are_found_by_name() -> None:
    data = descriptor_pb2.FileDescriptorSet(
        file=[
            descriptor_pb2.FileDescriptorProto.FromString(WINE.file.serialized_pb),
        ]
    ).SerializeToString()
    found = find_message(data, "headrace.v1.WineRecord")

    assert NAMES == [field.name for field in found.fields][:11]
    assert find_message(data, "WineRecord").full_name == "headrace.v1.WineRecord"
    assert WINE == find_message(wine_pb2, "WineRecord")
    batch = ProtobufCodec(found, Layout(ByField("dataType"))).decode(raw_of([wine(pH=1)]))
    assert [1.0] == batch.groups[0].columns.column("pH").to_pylist()


def test_a_descriptor_set_that_cannot_be_used_is_refused() -> None:
    without_imports = descriptor_pb2.FileDescriptorSet(file=[envelope_file()]).SerializeToString()
    with pytest.raises(ConfigurationError, match=r"no message .Beer.; there are: headrace\.v1\.WineRecord"):
        find_message(wine_pb2, "Beer")
    with pytest.raises(ConfigurationError, match="not a protobuf descriptor set"):
        find_message(b"\xff", "Beer")
    with pytest.raises(ConfigurationError, match="--include_imports"):
        find_message(without_imports, "Beer")


def shuffled_whole(batch: Batch, values: list[bytes]) -> dict[int, Any]:
    assert_whole(batch)
    found: dict[int, Any] = {}
    for name, rows in rows_of(batch).items():
        found.update({row: (name, repr(record)) for row, record in rows.items()})
    return found | codes_of(batch)


pieces = st.sampled_from(
    [
        envelope("Envelope", wine={"alcohol": 1.5}),
        envelope("Envelope", wine={"name": "é"}),
        envelope("Envelope", beer={"bitterness": 3}),
        envelope("Envelope", number=2.0),
        envelope("Envelope", id="a"),
        b"",
        b"\x1a\x02\xff\xff",
        b"\x1a\x00",
        b"\xff",
        b"\x1b\x08\x01\x1c",
    ]
)


@given(st.lists(st.lists(pieces, max_size=3).map(b"".join), min_size=1, max_size=6))
def test_neighbours_change_nothing(values: list[bytes]) -> None:
    codec = ProtobufCodec(MESSAGES["Envelope"], Layout(ByBranch()))
    together = shuffled_whole(codec.decode(raw_of(values)), values)
    alone = [shuffled_whole(codec.decode(raw_of([value])), [value])[0] for value in values]
    assert alone == [together[row] for row in range(len(values))]


def test_many_data_types_in_turn() -> None:
    values = [wine(name, pH=number) for number, name in zip(range(60), itertools.cycle("abcde"), strict=False)]
    batch = ProtobufCodec(WINE, Layout(ByField("dataType"))).decode(raw_of(values))

    assert_whole(batch)
    for group in batch.groups:
        assert np.array_equal(group.columns.column("pH").to_numpy(), group.rows)
        assert {group.data_type} == set(group.columns.column("dataType").to_pylist())
