"""Messages of several partitions, sorted into batches."""

from __future__ import annotations

from confluent_kafka import Message

from headrace.engines.kafka.batches import build_raws


def message(topic: str, partition: int, offset: int, value: bytes | None = b"v", key: bytes | None = None) -> Message:
    return Message(topic=topic, partition=partition, offset=offset, value=value, key=key, timestamp=(1, 1_000 + offset))


def test_nothing_makes_no_batch() -> None:
    assert [] == build_raws([])


def test_one_partition_is_one_batch() -> None:
    (raw,) = build_raws([message("t", 3, 7, b"a"), message("t", 3, 9, None)], "t")
    assert ("t", 3, [7, 9], [1_007, 1_009]) == (
        raw.source,
        raw.partition,
        raw.offsets.tolist(),
        [] if raw.timestamps is None else raw.timestamps.tolist(),
    )
    assert raw.values is not None
    assert [b"a", None] == raw.values.to_pylist()
    assert raw.keys is None


def test_partitions_and_topics_are_told_apart_in_their_order() -> None:
    mixed = [
        message("t", 0, 1, b"a", b"k"),
        message("u", 0, 5, b"b"),
        message("t", 1, 3, b"c"),
        message("t", 0, 2, b"d"),
        message("u", 0, 6, b"e"),
    ]
    found = {
        (raw.source, raw.partition): (
            raw.offsets.tolist(),
            [] if raw.values is None else raw.values.to_pylist(),
            [] if raw.keys is None else raw.keys.to_pylist(),
        )
        for raw in build_raws(mixed)
    }
    assert found == {
        ("t", 0): ([1, 2], [b"a", b"d"], [b"k", None]),
        ("u", 0): ([5, 6], [b"b", b"e"], [None, None]),
        ("t", 1): ([3], [b"c"], [None]),
    }
