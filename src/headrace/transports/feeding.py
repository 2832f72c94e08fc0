"""A thread that pulls objects out of an iterable, no further ahead of the reader than it may.

1. With a capacity of n records, the iterable is advanced by at most n + 1 records that the reader has not taken. A
   ``RecordBatch`` of more rows than that passes when nothing else waits.
2. The iterable is advanced by the feeder's thread alone; an async one by an event loop of that thread, which goes on
   with its other tasks while there is no room.
3. What the iterable raises is kept, and comes after the objects before it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any

import pyarrow as pa

_PATIENCE = 1.0


class Feeder:
    """Pulls from an iterable, sync or async, into a bounded queue; ``wake`` is called when something arrives."""

    def __init__(self, items: Iterable[Any] | AsyncIterable[Any], capacity: int, wake: Callable[[], None]) -> None:
        self._capacity = capacity
        self._wake = wake
        self._queue: deque[Any] = deque()
        self._waiting = 0
        self._changed = threading.Condition(threading.Lock())
        self._listener: Callable[[], object] | None = None
        self._closed = False
        self._finished = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(items,), name="headrace-feeder", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether nothing is left and nothing will come; never while an error waits to be raised."""
        with self._changed:
            return self._finished and not self._queue and self._error is None

    def take(self, most: int) -> list[Any]:
        """Take the objects that are there, until they hold ``most`` records or more.

        Raises what the iterable raised, once the objects before it are taken.
        """
        with self._changed:
            taken: list[Any] = []
            count = 0
            while self._queue and count < most:
                taken.append(self._queue.popleft())
                count += weigh(taken[-1])
            self._waiting -= count
            if taken:
                self._tell()
            elif self._error is not None:
                raise self._error
            return taken

    def close(self) -> None:
        """Stop pulling. An iterable that is stuck is left to its thread, which dies with the process."""
        with self._changed:
            self._closed = True
            self._tell()
        if self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)

    def _tell(self) -> None:
        self._changed.notify_all()
        if self._listener is not None:
            self._listener()

    def _run(self, items: Iterable[Any] | AsyncIterable[Any]) -> None:
        error: BaseException | None = None
        try:
            if isinstance(items, AsyncIterable):
                asyncio.run(self._pull_async(items))
            else:
                self._pull(items)
        except BaseException as raised:  # noqa: BLE001  whatever a person's iterable raises is told to the reader
            error = raised
        with self._changed:
            self._error = error
            self._finished = True
        self._wake()

    def _pull(self, items: Iterable[Any]) -> None:
        for item in items:
            while not self._put(item):
                self._await_room(weigh(item))
            if self._closed:
                return

    def _await_room(self, weight: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(weight))

    async def _pull_async(self, items: AsyncIterable[Any]) -> None:
        loop, pulling, room = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

        def look() -> None:
            room.set()
            if self._closed and pulling is not None:
                pulling.cancel()

        with self._changed:
            self._listener = lambda: loop.call_soon_threadsafe(look)
        try:
            async for item in items:
                room.clear()
                while not self._put(item):
                    await room.wait()
                    room.clear()
                if self._closed:
                    return
        finally:
            with self._changed:
                self._listener = None

    def _fits(self, weight: int) -> bool:
        return not self._queue or self._waiting + weight <= self._capacity

    def _put(self, item: Any) -> bool:
        """Put an object there if it fits; tell whether it was put, or need not be."""
        weight = weigh(item)
        with self._changed:
            if self._closed or not weight:
                return True
            if not self._fits(weight):
                return False
            self._queue.append(item)
            self._waiting += weight
            first = len(self._queue) == 1
        if first:
            self._wake()
        return True


def weigh(item: Any) -> int:
    """Count the records of an object."""
    return int(item.num_rows) if isinstance(item, pa.RecordBatch) else 1
