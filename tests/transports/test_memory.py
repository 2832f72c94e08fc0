from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from headrace.errors import SourceError
from headrace.records import Raw
from headrace.transports.memory import MemorySource

PATIENCE = 30.0


class Reader:
    """Reads a source as an engine does: what is there, then waits to be woken."""

    def __init__(self, source: MemorySource, done: int = -1) -> None:
        self.source = source
        self.woken = threading.Event()
        source.resume(0, done)
        source.start(self.woken.set)

    def read(self, most: int = 100) -> Raw | None:
        """Wait for the next batch; None at the end."""
        while True:
            self.woken.clear()
            raw = self.source.read(0, most)
            if raw is not None:
                return raw
            if self.source.exhausted(0):
                return None
            assert self.woken.wait(PATIENCE)

    def read_all(self, most: int = 100) -> list[Raw]:
        found = []
        while (raw := self.read(most)) is not None:
            found.append(raw)
        self.source.close()
        return found


def rows_of(batches: list[Raw]) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    for raw in batches:
        held = raw.values if raw.table is None else raw.table
        assert held is not None
        assert len(held) == len(raw)
        found.extend(zip(raw.offsets.tolist(), held.to_pylist(), strict=True))
    return found


async def give(items: list[Any]) -> AsyncIterator[Any]:
    for item in items:
        await asyncio.sleep(0)
        yield item


def test_bytes_and_texts_are_values() -> None:
    batches = Reader(MemorySource([b"a", "é", None, b"d"], name="mine")).read_all()
    assert [(0, b"a"), (1, "é".encode()), (2, None), (3, b"d")] == rows_of(batches)
    assert {("mine", 0, None, None)} == {(raw.source, raw.partition, raw.keys, raw.timestamps) for raw in batches}


def test_an_async_iterator_gives_the_same() -> None:
    assert [(0, b"a"), (1, b"b")] == rows_of(Reader(MemorySource(give([b"a", b"b"]))).read_all())


def test_no_more_are_read_than_asked_for() -> None:
    items = [b"%d" % number for number in range(10)]
    batches = Reader(MemorySource(items)).read_all(most=3)
    assert max(len(raw) for raw in batches) <= 3
    assert list(enumerate(items)) == rows_of(batches)


@dataclass
class Wine:
    acidity: float
    name: str | None = None


def test_mappings_and_dataclasses_are_rows() -> None:
    items = [{"acidity": 7.4}, Wine(7.8, "red"), {"name": "white", "sugar": 2}]
    expected = [
        {"acidity": 7.4, "name": None, "sugar": None},
        {"acidity": 7.8, "name": "red", "sugar": None},
        {"acidity": None, "name": "white", "sugar": 2},
    ]
    found = [row for _, row in rows_of(Reader(MemorySource(items)).read_all())]
    # How many rows come together is the threads' affair, so a name may not be known yet when the first are read.
    assert expected == [{"acidity": None, "name": None, "sugar": None} | row for row in found]


def test_batches_of_rows_pass_whole_and_count_each_row() -> None:
    first = pa.RecordBatch.from_pydict({"a": [1, 2, 3]})
    second = pa.RecordBatch.from_pydict({"b": ["x"]})
    batches = Reader(MemorySource([first, first.slice(0, 0), second])).read_all(most=2)
    assert [[0, 1], [2], [3]] == [raw.offsets.tolist() for raw in batches]
    assert [(0, {"a": 1}), (1, {"a": 2}), (2, {"a": 3}), (3, {"b": "x"})] == rows_of(batches)


def test_objects_of_different_shapes_are_not_in_one_batch() -> None:
    items = [b"a", {"a": 1}, pa.RecordBatch.from_pydict({"a": [2]}), b"b"]
    batches = Reader(MemorySource(items)).read_all()
    assert [False, True, True, False] == [raw.table is not None for raw in batches]
    assert [(0, b"a"), (1, {"a": 1}), (2, {"a": 2}), (3, b"b")] == rows_of(batches)


@pytest.mark.parametrize("before", [pa.RecordBatch.from_pydict({"a": [2]}), {"a": 2}])
def test_what_is_no_record_is_handed_over_alone(before: Any) -> None:
    after = pa.RecordBatch.from_pydict({"b": ["x", "y"]})
    batches = Reader(MemorySource([before, 7, 8, after])).read_all()
    assert [0, 1, 2, 3, 4] == [offset for raw in batches for offset in raw.offsets.tolist()]
    texts = [
        (int(offset), text)
        for raw in batches
        if raw.values is not None
        for offset, text in zip(raw.offsets, raw.values.to_pylist(), strict=True)
        if text is not None
    ]
    assert [(1, b"7"), (2, b"8")] == texts


@pytest.mark.parametrize("capacity", [1, 7, 100])
def test_an_iterable_that_is_not_read_is_not_pulled(capacity: int) -> None:
    advanced = 0
    asked = threading.Semaphore(0)

    def count() -> Iterator[bytes]:
        nonlocal advanced
        for number in range(1_000):
            advanced += 1
            asked.release()
            yield b"%d" % number

    source = MemorySource(count(), capacity=capacity)
    source.start(lambda: None)
    for _ in range(capacity + 1):
        assert asked.acquire(timeout=PATIENCE)
    assert not asked.acquire(timeout=0.05)
    assert capacity + 1 == advanced
    taken = source.read(0, 1)
    assert taken is not None
    assert asked.acquire(timeout=PATIENCE)
    assert not asked.acquire(timeout=0.05)
    assert capacity + 2 == advanced
    source.close()


def test_an_async_iterable_that_is_not_read_is_not_pulled_and_its_loop_goes_on() -> None:
    advanced: list[int] = []
    beats = threading.Semaphore(0)

    async def count() -> AsyncIterator[bytes]:
        async def beat() -> None:
            while True:
                beats.release()
                await asyncio.sleep(0)

        beating = asyncio.ensure_future(beat())
        try:
            for number in range(100):
                advanced.append(number)
                yield b"%d" % number
        finally:
            beating.cancel()

    reader = Reader(MemorySource(count(), capacity=5))
    for _ in range(1_000):
        assert beats.acquire(timeout=PATIENCE)
    assert list(range(6)) == advanced
    assert [(number, b"%d" % number) for number in range(100)] == rows_of(reader.read_all())


def test_a_batch_of_more_rows_than_the_capacity_passes() -> None:
    rows = pa.RecordBatch.from_pydict({"a": list(range(50))})
    found = rows_of(Reader(MemorySource([{"a": -1}, rows, rows], capacity=2)).read_all())
    assert [-1, *range(50), *range(50)] == [row["a"] for _, row in found]


def test_what_the_iterable_raises_comes_after_the_records_before_it() -> None:
    def fail() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise LookupError("the shelf is empty")

    reader = Reader(MemorySource(fail(), name="shelf"))
    found = [reader.read(most=1), reader.read(most=1)]
    assert [(0, b"a"), (1, b"b")] == rows_of([raw for raw in found if raw is not None])
    with pytest.raises(SourceError, match="'shelf' raised LookupError after record 1: the shelf is empty") as caught:
        reader.read()
    assert isinstance(caught.value.__cause__, LookupError)
    assert not reader.source.exhausted(0)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_function_makes_the_iterable_anew(kind: str) -> None:
    items = [b"%d" % number for number in range(10)]
    source = MemorySource(lambda: iter(items) if kind == "sync" else give(items), capacity=3)
    assert source.replayable
    assert list(enumerate(items))[7:] == rows_of(Reader(source, done=6).read_all(most=2))


def test_a_resume_can_end_within_a_batch_of_rows() -> None:
    rows = pa.RecordBatch.from_pydict({"a": list(range(5))})
    source = MemorySource(lambda: [{"a": -1}, rows])
    assert [(4, {"a": 3}), (5, {"a": 4})] == rows_of(Reader(source, done=3).read_all())


def test_a_resume_to_the_end_gives_nothing() -> None:
    assert [] == Reader(MemorySource(lambda: [b"a", b"b"]), done=1).read_all()


def test_an_iterable_that_became_shorter_is_an_error() -> None:
    reader = Reader(MemorySource(lambda: [b"a", b"b"], name="mine"), done=5)
    with pytest.raises(SourceError, match="'mine' is to go on at record 6 and its iterable ended after 2"):
        reader.read()


def test_an_iterable_alone_cannot_go_back() -> None:
    source = MemorySource([b"a"])
    assert not source.replayable
    with pytest.raises(SourceError, match="give a function that makes the iterable anew"):
        source.resume(0, 0)


def test_closing_frees_a_feeder_that_waits_for_room() -> None:
    ended = threading.Event()

    def count() -> Iterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            ended.set()

    source = MemorySource(count, capacity=1)
    reader = Reader(source)
    assert reader.read() is not None
    source.close()
    assert ended.wait(PATIENCE)


def test_closing_ends_an_async_iterable_that_waits() -> None:
    ended = threading.Event()

    async def wait() -> AsyncIterator[bytes]:
        try:
            yield b"x"
            await asyncio.Event().wait()
        finally:
            ended.set()

    source = MemorySource(wait)
    assert Reader(source).read() is not None
    source.close()
    assert ended.wait(PATIENCE)
