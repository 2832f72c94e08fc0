"""Records in the schema registry's framing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from headrace.records import Raw
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Constant, Layout
from headrace.wire.protobuf import ProtobufCodec
from headrace.wire.registry import RegistryCodec
from headrace.wire.wine import MESSAGE, encode_wine

HEAD = b"\x00\x00\x00\x00\x07"


def raw(*values: bytes | None) -> Raw:
    return Raw("topic", 0, np.arange(len(values), dtype=np.int64), pa.array(values, pa.binary()))


def wines() -> RegistryCodec:
    return RegistryCodec(ProtobufCodec(MESSAGE, Layout(ByField("dataType"))), indexed=True)


@pytest.mark.parametrize("indexes", [b"\x00", b"\x02\x00", b"\x04\x02\x06", b"\x02\x80\x01"])
def test_protobuf_records_are_read_behind_their_indexes(indexes: bytes) -> None:
    batch = wines().decode(raw(HEAD + indexes + encode_wine({"alcohol": 9.5}), HEAD + b"\x00" + encode_wine({})))
    assert batch.failures == ()
    assert batch.groups[0].columns.column("alcohol").to_pylist() == [9.5, 0.0]


def test_json_records_are_read() -> None:
    codec = RegistryCodec(JsonCodec(Layout(Constant("wine"))), indexed=False)
    batch = codec.decode(raw(HEAD + b'{"x": 1.5}'))
    assert batch.groups[0].columns.column("x").to_pylist() == [1.5]
    assert codec.schema("wine") is None


@pytest.mark.parametrize("value", [b"", b"\x00\x00", b"\x01\x00\x00\x00\x07\x00", HEAD, HEAD + b"\x02", HEAD + b"\x80"])
def test_what_is_not_framed_fails_alone_and_keeps_its_bytes(value: bytes) -> None:
    good = HEAD + b"\x00" + encode_wine({"alcohol": 9.5})
    batch = wines().decode(raw(good, value, None, good))
    assert [(each.row, each.code) for each in batch.failures] == [(1, "undecodable"), (2, "empty-message")]
    assert batch.raw.values is not None
    assert batch.raw.values.to_pylist() == [good, value, None, good]
    assert batch.groups[0].rows.tolist() == [0, 3]
