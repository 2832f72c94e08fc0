from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headrace.errors import ConfigurationError
from headrace.records import Batch
from headrace.wire.assembly import Part, assemble, take_values
from headrace.wire.failures import Code, Failures
from headrace.wire.layout import ByBranch, ByField, ByTopic, Constant, Layout
from tests.wire.batches import assert_whole, codes_of, raw_of, rows_of


def assembled(layout: Layout, columns: dict[str, Any], **more: Any) -> Batch:
    batch = pa.record_batch(columns)
    raw = raw_of([b"x"] * batch.num_rows, **more)
    found = assemble(raw, layout, [Part(np.arange(batch.num_rows), batch)], Failures())
    assert_whole(found)
    return found


@pytest.mark.parametrize(
    ("values", "expected", "failed"),
    [
        (["a", "b", "a"], {"a": [0, 2], "b": [1]}, {}),
        (["a", "a", "a"], {"a": [0, 1, 2]}, {}),
        (["a", None, ""], {"a": [0]}, {1: "no-data-type", 2: "no-data-type"}),
        ([None, "a", "a"], {"a": [1, 2]}, {0: "no-data-type"}),
        ([7, 8, 7], {"7": [0, 2], "8": [1]}, {}),
        ([1.5, 2.5, 1.5], {}, dict.fromkeys(range(3), "no-data-type")),
        ([None, None, None], {}, dict.fromkeys(range(3), "no-data-type")),
    ],
)
def test_a_field_gives_the_data_type(values: list[Any], expected: dict[str, list[int]], failed: dict[int, str]) -> None:
    batch = assembled(Layout(ByField("t")), {"t": pa.array(values)})

    assert expected == {group.data_type: group.rows.tolist() for group in batch.groups}
    assert failed == codes_of(batch)


def test_dictionaries_give_the_data_type() -> None:
    batch = assembled(Layout(ByField("t")), {"t": pa.array(["a", "b", "a"]).dictionary_encode()})

    assert ["a", "b"] == [group.data_type for group in batch.groups]


def test_a_field_that_is_not_there_gives_none() -> None:
    batch = assembled(Layout(ByField("t"), declared=("a",)), {"x": [1]})

    assert codes_of(batch) == {0: "no-data-type"}
    assert "'t', which holds the data type" in batch.failures[0].reason


def test_topic_and_constant_give_the_data_type() -> None:
    columns = {"x": [1]}

    assert ["records"] == [group.data_type for group in assembled(Layout(ByTopic()), columns).groups]
    named = Layout(ByTopic({"records": "wine"}))
    assert ["wine"] == [group.data_type for group in assembled(named, columns).groups]
    assert ["beer"] == [group.data_type for group in assembled(Layout(Constant("beer")), columns).groups]


def test_undeclared_data_types_fail() -> None:
    batch = assembled(Layout(ByField("t"), declared=("a", "c")), {"t": ["a", "b", "c"]})

    assert codes_of(batch) == {1: "undeclared-data-type"}
    assert batch.failures[0].reason == "the data type 'b' is not declared; declared are: a, c"
    topic = assembled(Layout(ByTopic(), declared=("a",)), {"x": [1]})
    assert codes_of(topic) == {0: "undeclared-data-type"}


def test_required_fields_are_there_and_not_null() -> None:
    layout = Layout(ByField("t"), required=("x",), required_by_type={"b": ("y",)})
    columns = {"t": ["a", "a", "b", "b"], "x": pa.array([1, None, 3, 4]), "y": pa.array([None, 2, None, float("nan")])}
    batch = assembled(layout, columns)

    assert codes_of(batch) == {1: "missing-field", 2: "missing-field"}
    assert {"a": [0], "b": [3]} == {group.data_type: group.rows.tolist() for group in batch.groups}
    missing = assembled(Layout(Constant("a"), required=("z",)), {"x": [1]})
    assert codes_of(missing) == {0: "missing-field"}


@pytest.mark.parametrize(
    ("ids", "expected", "failed"),
    [
        (pa.array(["a", "b"]), ["a", "b"], {}),
        (pa.array([1, None]), ["1", None], {1: "missing-field"}),
        (pa.array(["", "b"]), None, {0: "missing-field"}),
        (pa.array([b"a", b"\xff"]), ["a", None], {1: "wrong-type"}),
        (pa.array([1.5, None]), [None, None], {0: "wrong-type", 1: "missing-field"}),
        (pa.nulls(2), [None, None], {0: "missing-field", 1: "missing-field"}),
    ],
)
def test_a_field_gives_the_id(ids: pa.Array, expected: list[str | None] | None, failed: dict[int, str]) -> None:
    batch = assembled(Layout(Constant("a"), id_field="id"), {"id": ids})

    assert failed == codes_of(batch)
    assert batch.ids is not None
    assert expected is None or expected == batch.ids.to_pylist()


def test_without_an_id_field_there_are_no_ids() -> None:
    assert assembled(Layout(Constant("a")), {"x": [1]}).ids is None
    nowhere = assembled(Layout(Constant("a"), id_field="id"), {"x": [1]})
    assert codes_of(nowhere) == {0: "missing-field"}


def test_a_field_gives_the_key() -> None:
    keys = pa.array([b"\xff", b"b"])
    own = assembled(Layout(Constant("a"), key_field="k"), {"k": ["x", None]}, keys=keys)
    source = assembled(Layout(Constant("a")), {"k": ["x", None]}, keys=keys)
    numbers = assembled(Layout(Constant("a"), key_field="k"), {"k": [1.5, 2.5]})

    assert own.raw.keys is not None
    assert [b"x", None] == own.raw.keys.to_pylist()
    assert keys == source.raw.keys
    assert codes_of(numbers) == {0: "wrong-type", 1: "wrong-type"}


def test_a_field_or_the_source_gives_the_time() -> None:
    stamps = np.array([5, 6])
    own = assembled(Layout(Constant("a"), time_field="at"), {"at": ["1970-01-01T00:00:01Z", "x"]}, timestamps=stamps)
    source = assembled(Layout(Constant("a")), {"at": [1, 2]}, timestamps=stamps)
    nowhere = assembled(Layout(Constant("a"), time_field="at"), {"x": [1]})
    missing = assembled(Layout(Constant("a"), time_field="at"), {"at": pa.array([None, 1])})

    assert own.times is not None
    assert own.times[0] == 1_000
    assert codes_of(own) == {1: "wrong-type"}
    assert source.times is stamps
    assert codes_of(nowhere) == {0: "missing-field"}
    assert codes_of(missing) == {0: "missing-field"}


def test_parts_are_put_in_the_order_of_the_batch() -> None:
    raw = raw_of([b"x"] * 4)
    first = Part(np.array([0, 3]), pa.record_batch({"x": [1, 2]}), "a", pa.record_batch({"id": ["p", "q"]}))
    second = Part(np.array([2]), pa.record_batch({"y": [3]}), "b", pa.record_batch({"id": ["r"]}))
    empty = Part(np.zeros(0, np.int64), pa.record_batch({"z": pa.array([], pa.int64())}), "c")
    failures = Failures()
    failures.add(1, Code.UNDECODABLE, "why")
    batch = assemble(raw, Layout(ByBranch(), id_field="id"), [first, second, empty], failures)

    assert_whole(batch)
    assert batch.ids is not None
    assert ["p", None, "r", "q"] == batch.ids.to_pylist()
    assert rows_of(batch) == {"a": {0: {"x": 1}, 3: {"x": 2}}, "b": {2: {"y": 3}}}


def test_the_record_comes_before_what_surrounds_it() -> None:
    part = Part(np.array([0]), pa.record_batch({"id": ["inner"]}), "a", pa.record_batch({"id": ["outer"]}))
    batch = assemble(raw_of([b"x"]), Layout(ByBranch(), id_field="id"), [part], Failures())

    assert batch.ids is not None
    assert ["inner"] == batch.ids.to_pylist()


def test_records_without_columns_are_records() -> None:
    part = Part(np.arange(2), pa.RecordBatch.from_arrays([], schema=pa.schema([])))
    failures = Failures()
    failures.add(0, Code.UNDECODABLE, "why")
    batch = assemble(raw_of([b"x", b"y"]), Layout(Constant("a")), [part], failures)

    assert [[1]] == [group.rows.tolist() for group in batch.groups]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.string()])
@pytest.mark.parametrize("declared", [(), ("wine",)])
def test_values_that_are_there_are_taken(kind: pa.DataType, declared: tuple[str, ...]) -> None:
    values = pa.array([b"?", b"a", None, b"", b"b"]).cast(kind).slice(1)
    raw = type(raw_of([]))("records", 0, np.arange(4), values)
    failures = Failures()
    taken, rows = take_values(raw, Layout(Constant("wine"), declared=declared), failures)

    assert ([0, 3] if declared else [0, 2, 3]) == rows.tolist()
    assert len(rows) == len(taken)
    assert {failure.code for failure in failures.in_order()} == {"empty-message"}


def test_columns_are_refused_where_bytes_are_read() -> None:
    raw = type(raw_of([]))("records", 0, np.arange(1), pa.array([None, b"x"]).slice(0, 1), pa.record_batch({"x": [1]}))
    with pytest.raises(ConfigurationError, match="records gives columns, not bytes"):
        take_values(raw, Layout(Constant("a")), Failures())


def test_the_first_failure_of_a_row_counts() -> None:
    failures = Failures()
    failures.add(2, Code.UNDECODABLE, "first")
    failures.add(2, Code.WRONG_TYPE, "second")
    failures.add(0, Code.WRONG_TYPE, "third")

    assert [(0, "wrong-type", "third"), (2, "undecodable", "first")] == [
        (failure.row, failure.code, failure.reason) for failure in failures.in_order()
    ]
