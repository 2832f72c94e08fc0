"""Sinks within the process: a list, a function, a queue for async consumers, and nothing at all.

None of them outlives the process, so none makes anything durable.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from headrace.errors import SinkError

if TYPE_CHECKING:
    from headrace.abc.sink import Place

Written = TypeVar("Written")


class ListSink(Generic[Written]):
    """Keeps what is written in ``items``. Exactly once: going back takes what was not committed out of the list.

    A new list that is to go back to an earlier one's place holds what comes after that place.
    """

    def __init__(self) -> None:
        self.items: list[Written] = []
        self._before = 0

    @property
    def exactly_once(self) -> bool:
        """True."""
        return True

    def recover(self, place: Place | None) -> None:
        """Shorten the list to a place."""
        count = 0 if place is None else _read_count(place)
        if not self.items:
            self._before = count
        del self.items[max(0, count - self._before) :]

    def write(self, written: Written) -> None:
        """Append one item."""
        self.items.append(written)

    def commit(self) -> Place:
        """Give the count of items."""
        return {"count": self._before + len(self.items)}

    def close(self) -> None:
        """Keep the list."""


class CallbackSink(Generic[Written]):
    """Calls a function with what is written; what the function raises is a ``SinkError``.

    Not exactly once: after a crash the function is called again with what was not committed.
    """

    def __init__(self, callback: Callable[[Written], object]) -> None:
        self._callback = callback

    @property
    def exactly_once(self) -> bool:
        """False."""
        return False

    def recover(self, place: Place | None) -> None:
        """Take nothing back."""

    def write(self, written: Written) -> None:
        """Call the function."""
        try:
            self._callback(written)
        except Exception as error:
            raise SinkError(f"the function that takes the output raised {type(error).__name__}: {error}") from error

    def commit(self) -> Place:
        """Name no place: there is nothing to go back to."""
        return {}

    def close(self) -> None:
        """Do nothing."""


class NullSink:
    """Takes everything and keeps nothing; ``taken`` counts the writes. Nothing to take back: exactly once."""

    def __init__(self) -> None:
        self.taken = 0

    @property
    def exactly_once(self) -> bool:
        """True."""
        return True

    def recover(self, place: Place | None) -> None:
        """Take nothing back: nothing is there."""

    def write(self, written: object) -> None:  # noqa: ARG002
        """Count a write."""
        self.taken += 1

    def commit(self) -> Place:
        """Name no place."""
        return {}

    def close(self) -> None:
        """Do nothing."""


class QueueSink(Generic[Written]):
    """A bounded queue from the engine's thread to ``async for``.

    ``write`` blocks while ``capacity`` items wait: an engine whose output is not consumed stops reading. The engine
    must not run in the consumer's event loop. ``close`` ends the loop once what was written is consumed, and makes
    a blocked ``write`` a ``SinkError``. One consumer at a time. Not exactly once: what was consumed is not taken back.
    """

    def __init__(self, capacity: int = 16) -> None:
        self._capacity = capacity
        self._queue: deque[Written] = deque()
        self._room = threading.Condition()
        self._closed = False
        self._arrived: Callable[[], object] | None = None

    @property
    def exactly_once(self) -> bool:
        """False."""
        return False

    def recover(self, place: Place | None) -> None:
        """Take nothing back."""

    def write(self, written: Written) -> None:
        """Put one item in the queue, waiting for room. Raises ``SinkError`` once the sink is closed."""
        with self._room:
            self._room.wait_for(lambda: self._closed or len(self._queue) < self._capacity)
            if self._closed:
                raise SinkError("the queue of the output is closed: its consumer is gone")
            self._queue.append(written)
            self._tell()

    def commit(self) -> Place:
        """Name no place: the consumer has what it took."""
        return {}

    def close(self) -> None:
        """End the consumer's loop after what is in the queue."""
        with self._room:
            self._closed = True
            self._room.notify_all()
            self._tell()

    def __aiter__(self) -> QueueSink[Written]:
        return self

    async def __anext__(self) -> Written:
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        while True:
            with self._room:
                if self._queue:
                    self._room.notify()
                    return self._queue.popleft()
                if self._closed:
                    raise StopAsyncIteration
                self._arrived = lambda: loop.call_soon_threadsafe(arrived.set)
            try:
                await arrived.wait()
            finally:
                with self._room:
                    self._arrived = None
            arrived.clear()

    def _tell(self) -> None:
        if self._arrived is not None:
            self._arrived()


def _read_count(place: Place) -> int:
    count = place.get("count")
    if not isinstance(count, int):
        raise SinkError(f"the place {dict(place)} is not one of a list: the state belongs to another kind of sink")
    return count
