from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from headrace.abc.codec import Role, role_of
from headrace.errors import ConfigurationError
from headrace.records import Raw
from headrace.wire.layout import ByBranch, ByField, ByTopic, Constant, Layout
from headrace.wire.table import TableCodec
from tests.wire.batches import codes_of, raw_of, rows_of


def table_of(columns: pa.RecordBatch) -> Raw:
    return Raw("wine.parquet", 0, np.arange(columns.num_rows), table=columns)


def test_columns_pass_through_and_are_divided_by_data_type() -> None:
    columns = pa.record_batch({"t": ["wine", "beer", None, "wine", ""], "x": [1, 2, 3, 4, 5]})
    batch = TableCodec(Layout(ByField("t"))).decode(table_of(columns))

    assert rows_of(batch) == {
        "wine": {0: {"t": "wine", "x": 1}, 3: {"t": "wine", "x": 4}},
        "beer": {1: {"t": "beer", "x": 2}},
    }
    assert codes_of(batch) == {2: "no-data-type", 4: "no-data-type"}


def test_columns_are_not_copied() -> None:
    columns = pa.record_batch({"x": pa.array([1.0, 2.0])})
    batch = TableCodec(Layout(Constant("wine"))).decode(table_of(columns))

    assert columns.column(0).buffers()[1].address == batch.groups[0].columns.column(0).buffers()[1].address


def test_structs_dictionaries_and_decimals_are_made_plain() -> None:
    columns = pa.record_batch(
        {
            "m": pa.array([{"a": 1, "n": {"b": "x"}}, None]),
            "d": pa.array(["u", None]).dictionary_encode(),
            "c": pa.array([Decimal("1.50"), None]),
        }
    )
    codec = TableCodec(Layout(ByTopic(), id_field="m.n.b"), columns.schema)
    batch = codec.decode(table_of(columns.slice(0, 1)))

    assert rows_of(batch) == {"wine.parquet": {0: {"m.a": 1, "m.n.b": "x", "d": "u", "c": 1.5}}}
    assert batch.groups[0].columns.schema.equals(codec.schema("wine"), check_metadata=True)
    assert Role.ID == role_of(batch.groups[0].columns.schema.field("m.n.b"))
    nulls = codec.decode(table_of(columns.slice(1)))
    assert codes_of(nulls) == {0: "missing-field"}


def test_a_record_that_fits_no_column_fails_alone() -> None:
    unfit = pa.array([None, b"17"], pa.binary())
    raw = Raw("objects", 0, np.arange(2), unfit, pa.record_batch({"x": pa.array([1, None])}))
    batch = TableCodec(Layout(Constant("wine"))).decode(raw)

    assert codes_of(batch) == {1: "undecodable"}
    assert rows_of(batch) == {"wine": {0: {"x": 1}}}


def test_the_schema_is_what_it_is_told() -> None:
    assert TableCodec(Layout(Constant("wine"))).schema("wine") is None


def test_bytes_are_not_read_as_columns() -> None:
    with pytest.raises(ConfigurationError, match="gives bytes, not columns"):
        TableCodec(Layout(Constant("wine"))).decode(raw_of([b"x"]))


def test_columns_have_no_branches() -> None:
    with pytest.raises(ConfigurationError, match="Arrow records have no branches"):
        TableCodec(Layout(ByBranch()))
