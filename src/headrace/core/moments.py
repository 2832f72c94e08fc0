"""When the rows of a batch happen: in each switch mode another moment decides which version a row meets.

Rules:

1. ``event-time``: a row's own time. ``ordered`` by timestamp: the greatest time of its partition up to and with it.
   ``ordered`` by arrival: the position that the model stream had been read to when its batch came.
2. ``BEGINNING`` stands for a time that a row does not have.
3. Bounds are known at once and suffice for most batches; what is needed for each row is computed when it is asked for.
   Bounds are those of all rows of the batch from ``start`` on, and may be wider than those of the rows in question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from headrace.core.timeline import BEGINNING, END

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.records import Batch, Int64Array

    Of = Callable[[Int64Array], Int64Array]


@dataclass(slots=True, eq=False)
class Times:
    """The times of a batch's rows from ``start`` on; ``reached`` is the greatest of the partition before them."""

    batch: Batch
    reached: int
    start: int
    _bounds: tuple[int, int] | None = None
    _greatest: Int64Array | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest of the rows' own times."""
        if self._bounds is None:
            self._bounds = self._find_bounds()
        return self._bounds

    def _find_bounds(self) -> tuple[int, int]:
        times, start = self.batch.times, self.start
        if times is None:
            return BEGINNING, BEGINNING
        if len(times) == start + 1:
            only = int(times[start])
            return only, only
        return int(times[start:].min()), int(times[start:].max())

    def own(self, rows: Int64Array) -> Int64Array:
        """Give the rows' own times."""
        if self.batch.times is None:
            return np.full(len(rows), BEGINNING, dtype=np.int64)
        return self.batch.times[rows]

    def running(self, rows: Int64Array) -> Int64Array:
        """Give the greatest time of the partition up to and with each row."""
        return self._all()[rows - self.start + 1]

    def passed(self, rows: Int64Array, lateness: int) -> Int64Array:
        """Give the moment up to which versions are kept no longer when each row comes."""
        before = self._all()[rows - self.start]
        passed: Int64Array = np.maximum(before, BEGINNING + lateness) - lateness
        return passed

    def _all(self) -> Int64Array:
        if self._greatest is None:
            times = self.batch.times
            count = len(self.batch) - self.start
            own = np.full(count, BEGINNING, dtype=np.int64) if times is None else times[self.start :]
            self._greatest = np.maximum.accumulate(np.concatenate(([self.reached], own)))
        return self._greatest


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """The moments of a group's rows, all from ``low`` to ``high``.

    ``known`` is how far the model stream has been read; ``passed`` gives the moments up to which versions are kept no
    longer when the rows come, none of them above ``passed_high``: None where that does not matter.
    """

    rows: Int64Array
    each: Of
    low: int
    high: int
    known: int
    passed: Of | None = None
    passed_high: int = BEGINNING


def by_own_time(times: Times, rows: Int64Array, lateness: int, known: int) -> Moments:
    """Give the moments of ``event-time``."""
    low, high = times.bounds
    passed_high = subtract(max(high, times.reached), lateness)
    return Moments(rows, times.own, low, high, known, lambda rows: times.passed(rows, lateness), passed_high)


def by_running_time(times: Times, rows: Int64Array, known: int) -> Moments:
    """Give the moments of ``ordered`` by timestamp."""
    low, high = times.bounds
    return Moments(rows, times.running, max(low, times.reached), max(high, times.reached), known)


def by_arrival(arrived: int, rows: Int64Array) -> Moments:
    """Give the moments of ``ordered`` by arrival; the stream has been read that far already."""
    return Moments(rows, lambda rows: np.full(len(rows), arrived, dtype=np.int64), arrived, arrived, END)


def subtract(moment: int, lateness: int) -> int:
    """Give the moment so much earlier, but never one before the beginning."""
    return max(moment, BEGINNING + lateness) - lateness
