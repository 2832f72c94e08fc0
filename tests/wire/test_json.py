import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.abc.codec import Role, role_of
from headrace.errors import ConfigurationError
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByBranch, ByField, Constant, Layout
from tests.wire.batches import assert_whole, codes_of, raw_of, rows_of

WINE = Layout(Constant("wine"))


def test_objects_become_columns() -> None:
    batch = JsonCodec(WINE).decode(raw_of([b'{"a": 1, "b": "x", "c": true}', b'{"b": "y", "a": 2, "c": null}']))

    assert rows_of(batch) == {"wine": {0: {"a": 1, "b": "x", "c": True}, 1: {"a": 2, "b": "y", "c": None}}}
    assert pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.bool_())]) == batch.groups[0].columns.schema


def test_whole_and_broken_numbers_widen() -> None:
    batch = JsonCodec(WINE).decode(raw_of([b'{"a": 1}', b'{"a": 0.5}', b'{"a": 9007199254740993}']))

    assert [1.0, 0.5, 9007199254740992.0] == batch.groups[0].columns.column("a").to_pylist()


def test_a_whole_number_beyond_64_bits_is_a_double() -> None:
    batch = JsonCodec(WINE).decode(raw_of([b'{"a": 123456789012345678901234567890}', b'{"a": 1}']))

    assert [1.2345678901234568e29, 1.0] == batch.groups[0].columns.column("a").to_pylist()


def test_nested_objects_have_dotted_names() -> None:
    records = [b'{"id": 1, "m": {"a": 1, "n": {"b": "x"}}}', b'{"id": 2, "m": null}', b'{"id": 3, "m": {"a": 2}}']
    batch = JsonCodec(WINE).decode(raw_of(records))

    assert rows_of(batch) == {
        "wine": {
            0: {"id": 1, "m.a": 1, "m.n.b": "x"},
            1: {"id": 2, "m.a": None, "m.n.b": None},
            2: {"id": 3, "m.a": 2, "m.n.b": None},
        }
    }


def test_numbers_in_lists_stay_lists_and_lists_of_objects_become_text() -> None:
    batch = JsonCodec(WINE).decode(
        raw_of([b'{"a": [1, 2.5], "b": [{"c": 1}]}', b'{"a": [], "b": null}', b'{"a": null}'])
    )
    columns = batch.groups[0].columns

    assert pa.list_(pa.float64()) == columns.schema.field("a").type
    assert [[1.0, 2.5], [], None] == columns.column("a").to_pylist()
    assert ['[{"c":1}]', None, None] == columns.column("b").to_pylist()


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b"",
        b"[1]",
        b"1",
        b"null",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1} {"a": 2}',
        b'{"a": 1},',
        b"\xff\xfe",
        b'{"a": "\xff"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_object_fails_alone(value: bytes) -> None:
    batch = JsonCodec(WINE).decode(raw_of([b'{"a": 1}', value, b'{"a": 3}']))

    assert codes_of(batch) == {1: "undecodable"}
    assert rows_of(batch) == {"wine": {0: {"a": 1}, 2: {"a": 3}}}


def test_values_of_another_kind_than_most_fail_alone() -> None:
    batch = JsonCodec(WINE).decode(raw_of([b'{"a": "x"}', b'{"a": 1}', b'{"a": 2.5}', b'{"a": true}', b'{"a": [1]}']))

    assert codes_of(batch) == {0: "wrong-type", 3: "wrong-type", 4: "wrong-type"}
    assert rows_of(batch) == {"wine": {1: {"a": 1.0}, 2: {"a": 2.5}}}
    assert batch.failures[0].reason == "the field 'a' is a text, and a number in most records"


def test_an_object_among_numbers_fails_alone() -> None:
    batch = JsonCodec(WINE).decode(raw_of([b'{"a": 1}', b'{"a": {"b": 2}}', b'{"a": 3}']))

    assert_whole(batch)
    assert [1, None, 3] == [row["a"] for row in rows_of(batch)["wine"].values()]


def test_a_name_that_is_nested_and_literal_fails_alone() -> None:
    batch = JsonCodec(WINE).decode(raw_of([b'{"a": {"b": 1}, "a.b": 2}', b'{"a.b": 3}', b'{"a": {"b": 4}}']))

    assert codes_of(batch) == {0: "wrong-type"}
    assert rows_of(batch) == {"wine": {1: {"a.b": 3}, 2: {"a.b": 4}}}


def test_data_types_have_columns_of_their_own() -> None:
    records = [b'{"t": "wine", "x": 1}', b'{"t": "beer", "x": "dark"}', b'{"t": "wine", "x": 2}']
    batch = JsonCodec(Layout(ByField("t"))).decode(raw_of(records))

    assert rows_of(batch) == {
        "wine": {0: {"t": "wine", "x": 1}, 2: {"t": "wine", "x": 2}},
        "beer": {1: {"t": "beer", "x": "dark"}},
    }
    assert Role.DATA_TYPE == role_of(batch.groups[0].columns.schema.field("t"))


def test_the_data_type_may_be_nested() -> None:
    batch = JsonCodec(Layout(ByField("m.t"))).decode(
        raw_of([b'{"m": {"t": "wine"}}', b'{"m": {}}', b'{"m": {"t": 7.5}}'])
    )

    assert rows_of(batch) == {"wine": {0: {"m.t": "wine"}}}
    assert codes_of(batch) == {1: "no-data-type", 2: "no-data-type"}


SCHEMA = pa.schema(
    [
        ("f", pa.float64()),
        ("i", pa.int32()),
        ("s", pa.string()),
        ("b", pa.bool_()),
        ("t", pa.timestamp("ms")),
        ("d", pa.date32()),
        ("x", pa.binary()),
        ("l", pa.list_(pa.float64(), 2)),
    ]
)


def test_declared_fields_are_the_columns_in_their_order() -> None:
    record = {
        "other": 1,
        "l": [1, 2.5],
        "x": "AAE=",
        "d": "2020-01-02",
        "t": "1970-01-01T01:00:01+01:00",
        "b": False,
        "s": "x",
        "i": 3.0,
        "f": "NaN",
    }
    codec = JsonCodec(WINE, SCHEMA)
    batch = codec.decode(raw_of([json.dumps(record).encode(), b"{}"]))
    (columns,) = (group.columns for group in batch.groups)

    assert columns.schema == SCHEMA == codec.schema("wine")
    first, second = (repr(row) for row in columns.to_pylist())
    assert first == (
        "{'f': nan, 'i': 3, 's': 'x', 'b': False, 't': datetime.datetime(1970, 1, 1, 0, 0, 1), "
        "'d': datetime.date(2020, 1, 2), 'x': b'\\x00\\x01', 'l': [1.0, 2.5]}"
    )
    assert second == repr(dict.fromkeys(SCHEMA.names))


@pytest.mark.parametrize(
    "value",
    [
        {"f": "x"},
        {"f": True},
        {"i": 1.5},
        {"i": 2**31},
        {"i": "1"},
        {"s": 1},
        {"b": 1},
        {"t": "today"},
        {"t": True},
        {"d": 3},
        {"x": "§"},
        {"x": 1},
        {"l": [1, "x"]},
        {"l": [1]},
        {"l": 1},
    ],
)
def test_what_is_not_of_the_declared_type_fails_alone(value: dict[str, Any]) -> None:
    good = b'{"f": 1, "s": "y"}'
    batch = JsonCodec(WINE, SCHEMA).decode(raw_of([good, json.dumps(value).encode(), good]))

    assert codes_of(batch) == {1: "wrong-type"}
    assert [0, 2] == batch.groups[0].rows.tolist()
    assert [1.0, 1.0] == batch.groups[0].columns.column("f").to_pylist()
    assert f"the field {next(iter(value))!r} is" in batch.failures[0].reason


def test_schemas_are_of_data_types() -> None:
    layout = Layout(ByField("t"), id_field="id", time_field="at")
    codec = JsonCodec(layout, schemas={"wine": pa.schema([("a", pa.float64())])})
    batch = codec.decode(raw_of([b'{"t": "wine", "a": 1, "id": "r", "at": 5}', b'{"t": "beer", "id": 7, "at": 6}']))

    assert rows_of(batch) == {"wine": {0: {"a": 1.0}}, "beer": {1: {"t": "beer", "id": 7, "at": 6}}}
    assert batch.ids is not None
    assert ["r", "7"] == batch.ids.to_pylist()
    assert batch.times is not None
    assert [5, 6] == batch.times.tolist()
    assert codec.schema("beer") is None


def test_json_has_no_branches() -> None:
    with pytest.raises(ConfigurationError, match="JSON records have no branches"):
        JsonCodec(Layout(ByBranch()))


def test_columns_are_not_read_as_json() -> None:
    raw = raw_of([])
    with pytest.raises(ConfigurationError, match="set its codec to table"):
        JsonCodec(WINE).decode(type(raw)("records", 0, raw.offsets, table=pa.record_batch({"a": [1]})))


scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5)
members = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab."), inner, max_size=3)
)
records = st.dictionaries(st.sampled_from(["a", "b", "c", "a.b"]), members, max_size=4)


@given(st.lists(records.map(lambda record: json.dumps(record).encode()) | st.binary(max_size=8), max_size=6))
def test_every_row_is_in_a_group_or_fails(values: list[bytes]) -> None:
    assert_whole(JsonCodec(Layout(ByField("c"))).decode(raw_of(values)))
    assert_whole(JsonCodec(WINE).decode(raw_of(values)))
    assert_whole(JsonCodec(WINE, SCHEMA).decode(raw_of(values)))
