from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.abc.codec import Role, role_of
from headrace.errors import ConfigurationError
from headrace.wire.csv import CsvCodec
from headrace.wire.layout import ByBranch, ByField, Constant, Layout
from tests.wire.batches import assert_whole, codes_of, raw_of, rows_of

WINE = Layout(Constant("wine"))


def test_lines_become_columns_of_inferred_types() -> None:
    codec = CsvCodec(WINE, ["a", "b", "c", "d", "e"], delimiter=";")
    batch = codec.decode(raw_of([b'1;0.5;x;true;""\r\n', b'-2;7;"y;""z""";FALSE;N/A\n', b";NA;;;"]))

    assert rows_of(batch) == {
        "wine": {
            0: {"a": 1, "b": 0.5, "c": "x", "d": True, "e": None},
            1: {"a": -2, "b": 7.0, "c": 'y;"z"', "d": False, "e": None},
            2: {"a": None, "b": None, "c": None, "d": None, "e": None},
        }
    }
    assert codec.schema("wine") is None


def test_a_line_that_is_no_line_fails_alone() -> None:
    good = b"1,2"
    values = [good, b"1", b"1,2,3", b"", b"\n", b"1,\xff", b"1,2\n3,4", good]
    batch = CsvCodec(WINE, ["a", "b"]).decode(raw_of(values))

    assert codes_of(batch) == {
        1: "undecodable",
        2: "undecodable",
        3: "empty-message",
        4: "empty-message",
        5: "undecodable",
        6: "undecodable",
    }
    assert batch.failures[0].reason == "the line has 1 cells, and 2 are configured"
    assert rows_of(batch) == {"wine": {0: {"a": 1, "b": 2}, 7: {"a": 1, "b": 2}}}


def test_quotes_that_are_not_closed_take_no_neighbour_with_them() -> None:
    values = [b"1,2", b'3,"4', b"5,6", b'7,"8', b"9,10"]
    batch = CsvCodec(WINE, ["a", "b"]).decode(raw_of(values))

    assert_whole(batch)
    decoded = rows_of(batch)["wine"]
    assert {row: decoded[row]["a"] for row in (0, 2, 4)} == {0: 1, 2: 5, 4: 9}


def test_a_quoted_value_may_hold_line_ends() -> None:
    batch = CsvCodec(WINE, ["a", "b"]).decode(raw_of([b'1,"x\ny"', b'2,"z"']))

    assert rows_of(batch) == {"wine": {0: {"a": 1, "b": "x\ny"}, 1: {"a": 2, "b": "z"}}}


def test_a_cell_unlike_most_of_its_column_fails_alone() -> None:
    batch = CsvCodec(WINE, ["a", "b"]).decode(raw_of([b"1.5,true", b"x,true", b"3,7", b"4,false"]))

    assert codes_of(batch) == {1: "wrong-type", 2: "wrong-type"}
    assert rows_of(batch) == {"wine": {0: {"a": 1.5, "b": True}, 3: {"a": 4.0, "b": False}}}


def test_a_column_that_is_mostly_text_is_text() -> None:
    batch = CsvCodec(WINE, ["a"]).decode(raw_of([b"x", b"1", b"y"]))

    assert ["x", "1", "y"] == batch.groups[0].columns.column("a").to_pylist()


def test_id_key_and_data_type_stay_text() -> None:
    layout = Layout(ByField("t"), id_field="id", key_field="k", time_field="at")
    batch = CsvCodec(layout, ["t", "id", "k", "at"]).decode(raw_of([b"01,007,0x1,1600000000000"]))

    assert rows_of(batch) == {"01": {0: {"t": "01", "id": "007", "k": "0x1", "at": 1600000000000}}}
    assert batch.ids is not None
    assert ["007"] == batch.ids.to_pylist()
    assert batch.raw.keys is not None
    assert [b"0x1"] == batch.raw.keys.to_pylist()
    assert batch.times is not None
    assert [1600000000000] == batch.times.tolist()
    roles = [role_of(field) for field in batch.groups[0].columns.schema]
    assert [Role.DATA_TYPE, Role.ID, Role.KEY, Role.TIME] == roles


SCHEMA = pa.schema(
    [("f", pa.float64()), ("i", pa.int32()), ("s", pa.string()), ("b", pa.bool_()), ("t", pa.timestamp("ms"))]
)


def test_declared_types_hold() -> None:
    codec = CsvCodec(WINE, SCHEMA.names, SCHEMA)
    batch = codec.decode(raw_of([b" 7.5,8,9,true,1970-01-01T00:00:01Z", b"NaN,,,,"]))
    (columns,) = (group.columns for group in batch.groups)

    assert columns.schema == SCHEMA == codec.schema("wine")
    assert repr(columns.to_pylist()) == (
        "[{'f': 7.5, 'i': 8, 's': '9', 'b': True, 't': datetime.datetime(1970, 1, 1, 0, 0, 1)}, "
        "{'f': nan, 'i': None, 's': None, 'b': None, 't': None}]"
    )


@pytest.mark.parametrize("line", [b"x,1,,,", b"1,x,,,", b"1,1.5,,,", b"1,3000000000,,,", b",,,maybe,", b",,,,noon"])
def test_what_is_not_of_the_declared_type_fails_alone(line: bytes) -> None:
    good = b"1,2,x,true,"
    batch = CsvCodec(WINE, SCHEMA.names, SCHEMA).decode(raw_of([good, line, good]))

    assert codes_of(batch) == {1: "wrong-type"}
    assert [0, 2] == batch.groups[0].rows.tolist()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"names": []}, "need names"),
        ({"names": ["a", "a"]}, "need names"),
        ({"names": ["a", ""]}, "need names"),
        ({"names": ["a"], "delimiter": ";;"}, "delimiter of CSV is one ASCII character"),
        ({"names": ["a"], "quote": "\n"}, "quote of CSV is one ASCII character"),
        ({"names": ["a"], "schema": SCHEMA}, "and the lines hold"),
    ],
)
def test_a_codec_that_cannot_work_is_refused(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        CsvCodec(WINE, **arguments)


def test_csv_has_no_branches() -> None:
    with pytest.raises(ConfigurationError, match="CSV records have no branches"):
        CsvCodec(Layout(ByBranch()), ["a"])


cells = st.sampled_from(["1", "x", "", '"', '"a"', ",", "\n", "\r", "0.5", "true", "ü", '""', " "])
lines = st.lists(cells, max_size=5).map("".join)


@given(st.lists(lines.map(str.encode) | st.binary(max_size=6), max_size=6))
def test_every_row_is_in_a_group_or_fails(values: list[bytes]) -> None:
    assert_whole(CsvCodec(WINE, ["a", "b"]).decode(raw_of(values)))
    assert_whole(CsvCodec(WINE, ["f"], pa.schema([("f", pa.float64())])).decode(raw_of(values)))


@given(st.lists(lines.map(str.encode), min_size=1, max_size=5))
def test_neighbours_change_nothing(values: list[bytes]) -> None:
    codec = CsvCodec(WINE, ["a", "b"], pa.schema([("a", pa.string()), ("b", pa.string())]))
    together = codec.decode(raw_of(values))
    for row, value in enumerate(values):
        alone = codec.decode(raw_of([value]))
        assert codes_of(alone).get(0) == codes_of(together).get(row)
        assert rows_of(alone).get("wine", {}).get(0) == rows_of(together).get("wine", {}).get(row)
