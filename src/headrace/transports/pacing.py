"""A source held to a rate: for demonstrations, for sparing what comes after, and for measuring latency.

1. The schedule is an open loop: record n, counted over all partitions, is due at ``began + n / rate``, whatever became
   of those before it. With a ``burst`` of b, the b records from n = k * b on are due together with the first of them.
2. It begins at the first ``read``.
3. After a stall all that is due comes at once, so that the rate holds over the whole and latencies counted from ``due``
   hide nothing. Without ``catch_up`` no more than one burst comes, and the schedule is put off by the stall.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from headrace.abc.source import RecordSource, Wake
    from headrace.records import Raw


class PacedSource:
    """A ``RecordSource`` that gives what another one gives, at most ``rate`` records a second.

    Offsets, partitions and replay are those of ``source``. ``clock`` gives seconds that never go back.
    Raises ``ConfigurationError`` for a rate that is not positive and a burst below 1.
    """

    def __init__(
        self,
        source: RecordSource,
        rate: float,
        burst: int = 1,
        *,
        catch_up: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < rate < math.inf:
            raise ConfigurationError(f"the rate is a positive number of records a second, not {rate}")
        if burst < 1:
            raise ConfigurationError(f"a burst is 1 record or more, not {burst}")
        self._source = source
        self._rate = rate
        self._burst = burst
        self._catch_up = catch_up
        self._clock = clock
        self._began: float | None = None
        self._given = 0
        self._alarm: Alarm | None = None

    @property
    def name(self) -> str:
        """The source's name."""
        return self._source.name

    @property
    def partitions(self) -> Sequence[int]:
        """The source's partitions."""
        return self._source.partitions

    @property
    def replayable(self) -> bool:
        """Whether the source is."""
        return self._source.replayable

    def start(self, wake: Wake) -> None:
        """Begin. ``wake`` is called by the source, and by a thread when a record becomes due."""
        self._alarm = Alarm(wake, self._clock)
        self._source.start(wake)

    def resume(self, partition: int, done: int) -> None:
        """Go on after the record of offset ``done``; what is passed over counts for nothing."""
        self._source.resume(partition, done)

    def read(self, partition: int, most: int) -> Raw | None:
        """Give up to ``most`` records that are there and due, None where there are none."""
        allowed = self._allow()
        if allowed < 1:
            if self._alarm is not None:
                self._alarm.set(self.due(self._given))
            return None
        raw = self._source.read(partition, min(most, allowed))
        if raw is not None:
            self._given += len(raw)
        return raw

    def exhausted(self, partition: int) -> bool:
        """Whether the source is."""
        return self._source.exhausted(partition)

    def close(self) -> None:
        """Close the source and end the thread."""
        if self._alarm is not None:
            self._alarm.close()
        self._source.close()

    def due(self, number: int) -> float:
        """Tell when a record is due, in seconds of the clock; records are counted over all partitions, from 0."""
        began = self._clock() if self._began is None else self._began
        return began + number // self._burst * self._burst / self._rate

    def _allow(self) -> int:
        now = self._clock()
        if self._began is None:
            self._began = now
        bursts = math.floor((now - self._began) * self._rate / self._burst) + 1
        allowed = bursts * self._burst - self._given
        if allowed > self._burst and not self._catch_up:
            self._began += (allowed - self._burst) / self._rate
            return self._burst
        return allowed


class Alarm:
    """Calls ``wake`` from a thread of its own, once, when the time that was set last has come."""

    def __init__(self, wake: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._wake = wake
        self._clock = clock
        self._at = math.inf
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="headrace-alarm", daemon=True)
        self._thread.start()

    def set(self, at: float) -> None:
        """Set the time, in seconds of the clock; an earlier setting is forgotten."""
        with self._changed:
            self._at = at
            self._changed.notify()

    def close(self) -> None:
        """End the thread; nothing is called any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and (left := self._at - self._clock()) > 0:
                    self._changed.wait(None if left == math.inf else left)
                if self._closed:
                    return
                self._at = math.inf
            self._wake()
