"""What travels between workers comes back as it was."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa

from headrace.core.join import Join
from headrace.core.settings import JoinSettings
from headrace.core.snapshot import take_snapshot
from headrace.engines.beam.parcels import ParcelCoder, SnapshotCoder
from headrace.machinery.parcels import Message, Rows, divide
from headrace.records import Descriptor, ModelMessage, Publish, Raw
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout
from headrace.wire.table import TableCodec
from tests.engines.beam.rig import CODEC, record

CODER = ParcelCoder()


def decode(values: list[bytes]) -> Raw:
    keys = pa.array([b"k", None] * (len(values) // 2) + [b"k"] * (len(values) % 2), pa.binary())
    return Raw("wines", 3, np.arange(7, 7 + len(values)), pa.array(values, pa.binary()), keys=keys)


def same(expected: Rows, actual: object) -> None:
    assert isinstance(actual, Rows)
    left, right = expected.batch, actual.batch
    assert (left.raw.source, left.raw.partition) == (right.raw.source, right.raw.partition)
    assert left.raw.offsets.tolist() == right.raw.offsets.tolist()
    assert left.raw.values == right.raw.values
    assert left.raw.keys == right.raw.keys
    assert left.raw.table == right.raw.table
    assert left.ids == right.ids
    assert (left.times is None) == (right.times is None)
    assert expected.times.tolist() == actual.times.tolist()
    assert left.groups[0].data_type == right.groups[0].data_type
    assert left.groups[0].columns == right.groups[0].columns


def test_rows_come_back_as_they_were() -> None:
    batch = CODEC.decode(decode([record(1), record(2, kind="beer"), b"nonsense", record(4)]))
    parts = dict(divide(batch))
    assert ["wine", "beer"] == list(parts)
    assert [7, 10] == parts["wine"].batch.raw.offsets.tolist()
    for rows in parts.values():
        same(rows, CODER.decode(CODER.encode(rows)))


def test_rows_of_a_table_come_back_as_they_were() -> None:
    table = pa.RecordBatch.from_pylist([{"kind": "wine", "x": 1.5}, {"kind": "beer", "x": None}])
    batch = TableCodec(Layout(ByField("kind"))).decode(Raw("rows", 0, np.arange(2), table=table))
    for _, rows in divide(batch):
        same(rows, CODER.decode(CODER.encode(rows)))


def test_rows_without_times_and_ids_come_back_as_they_were() -> None:
    batch = JsonCodec(Layout(ByField("kind"))).decode(decode([record(1), record(2)]))
    ((_, rows),) = divide(batch)
    same(rows, CODER.decode(CODER.encode(rows)))


def test_a_selection_keeps_the_order_that_it_is_given() -> None:
    ((_, rows),) = divide(CODEC.decode(decode([record(number) for number in range(4)])))
    chosen = rows.select(np.array([3, 1]))
    assert [10, 8] == chosen.batch.raw.offsets.tolist()
    assert ["r3", "r1"] == chosen.batch.ids.to_pylist()  # type: ignore[union-attr]
    assert [3, 1] == chosen.times.tolist()


def test_messages_come_back_as_they_were() -> None:
    for message in (Message(b"\x00bytes", 7, 1_000), Message(b"", None, -5)):
        assert message == CODER.decode(CODER.encode(message))


def test_a_snapshot_comes_back_as_it_was() -> None:
    join = Join(JoinSettings(), lambda: 0, time.perf_counter_ns)
    join.models.receive(ModelMessage(4, 1_000, Publish(Descriptor("a", "wine", digest="0" * 64))))
    snapshot = take_snapshot(join)
    assert snapshot.slots
    assert snapshot == SnapshotCoder().decode(SnapshotCoder().encode(snapshot))
