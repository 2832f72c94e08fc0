from __future__ import annotations

import asyncio
import threading

import pytest

from headrace.errors import SinkError
from headrace.transports.memory_sinks import CallbackSink, ListSink, NullSink, QueueSink

PATIENCE = 30.0


def test_a_list_goes_back_to_what_was_committed() -> None:
    sink = ListSink[str]()
    sink.recover(None)
    sink.write("a")
    place = sink.commit()
    sink.write("b")
    sink.recover(place)
    sink.write("c")
    assert ["a", "c"] == sink.items
    sink.recover(None)
    assert [] == sink.items


def test_a_new_list_goes_on_after_an_earlier_one() -> None:
    sink = ListSink[str]()
    sink.recover({"count": 5})
    sink.write("a")
    place = sink.commit()
    assert {"count": 6} == place
    sink.write("b")
    sink.recover(place)
    assert ["a"] == sink.items


def test_a_list_refuses_the_place_of_another_sink() -> None:
    with pytest.raises(SinkError, match="the state belongs to another kind of sink"):
        ListSink[str]().recover({"path": "out.jsonl"})


def test_a_callback_is_called_and_its_error_is_the_sinks() -> None:
    taken: list[int] = []
    sink = CallbackSink[int](lambda number: taken.append(1 // number))
    sink.write(1)
    assert [1] == taken
    with pytest.raises(SinkError, match="the function that takes the output raised ZeroDivisionError") as caught:
        sink.write(0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert not sink.exactly_once


def test_nothing_keeps_nothing() -> None:
    sink = NullSink()
    sink.recover(None)
    sink.write("a")
    assert (1, {}) == (sink.taken, sink.commit())


def test_a_queue_gives_everything_in_order_and_holds_up_its_writer() -> None:
    sink = QueueSink[int](capacity=3)
    most_ahead = 0
    taken: list[int] = []
    written = 0

    def write() -> None:
        nonlocal written
        for number in range(200):
            sink.write(number)
            written = number + 1
        sink.close()

    async def consume() -> None:
        nonlocal most_ahead
        async for number in sink:
            taken.append(number)
            most_ahead = max(most_ahead, written - len(taken))
            await asyncio.sleep(0)

    writer = threading.Thread(target=write)
    writer.start()
    asyncio.run(consume())
    writer.join(PATIENCE)
    assert list(range(200)) == taken
    assert most_ahead <= 3


def test_a_full_queue_blocks_until_it_is_closed() -> None:
    sink = QueueSink[int](capacity=1)
    sink.write(1)
    errors: list[str] = []

    def write() -> None:
        try:
            sink.write(2)
        except SinkError as error:
            errors.append(str(error))

    writer = threading.Thread(target=write)
    writer.start()
    writer.join(0.05)
    assert writer.is_alive()
    sink.close()
    writer.join(PATIENCE)
    assert ["the queue of the output is closed: its consumer is gone"] == errors


def test_a_closed_queue_gives_what_it_holds() -> None:
    async def consume() -> list[int]:
        return [number async for number in sink]

    sink = QueueSink[int]()
    sink.write(1)
    sink.close()
    assert [1] == asyncio.run(consume())
