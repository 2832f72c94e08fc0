"""Which candidate each row of a batch meets in one slot, and from which row on the batch must wait.

Rules:

1. ``ready``: all rows meet what serves now; while that is older than what the partition has used, they wait.
2. ``ordered`` and ``event-time``: a row meets the timeline's candidate at its moment; it waits until the model stream
   has been read up to that moment and the candidate has a verdict.
3. A row whose version had ended before the partition's own watermark is late. The verdict hangs on the partition's
   records alone, so it is the same for any parallelism.
4. Under ``hold`` a row without a model waits for the first one that comes after its moment; so does a row that
   addresses no slot, in the slot of its data type that comes first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from headrace.core.timeline import BEGINNING
from headrace.records import NoModelPolicy, SwitchMode

if TYPE_CHECKING:
    import numpy.typing as npt

    from headrace.core.candidate import Candidate
    from headrace.core.slot import Slot
    from headrace.core.timeline import Segments
    from headrace.records import Int64Array

    Mask = npt.NDArray[np.bool_]

NO_MODEL = -1
LATE = -2
NO_TIME = -3
ELSEWHERE = -4
"""The slot was not there at the row's moment: the row does not address it."""
WAITS = -5
"""The row's candidate has no verdict yet, or has not come."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """When the rows of a group happen.

    ``each`` is a row's moment (``BEGINNING``: it has none), ``before`` the partition's watermark when the row came.
    ``known`` is the moment up to which the model stream has been read.
    """

    each: Int64Array
    before: Int64Array
    known: int


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """The candidate of each row as an index into ``candidates``, or one of the negative codes.

    Rows from ``ready`` on (counted within the group's slice) must wait.
    """

    candidates: tuple[Candidate, ...]
    of_row: Int64Array
    ready: int

    @property
    def single(self) -> bool:
        """Whether all rows meet one candidate."""
        return len(self.candidates) == 1 and not self.of_row.any()


def assign_serving(slot: Slot, rows: int, floor: int, policy: NoModelPolicy) -> Assignment:
    """Assign what serves now to every row (switch mode ``ready``)."""
    serving = slot.serving
    if serving is not None and serving.position >= floor:
        return Assignment((serving,), np.zeros(rows, dtype=np.int64), rows)
    if not slot.active:
        return Assignment((), np.full(rows, ELSEWHERE, dtype=np.int64), rows)
    waits = policy is NoModelPolicy.HOLD or floor >= 0
    return Assignment((), np.full(rows, NO_MODEL, dtype=np.int64), 0 if waits else rows)


def assign_by_moment(slot: Slot, moments: Moments, policy: NoModelPolicy, stray: Mask | None = None) -> Assignment:
    """Assign to each row the candidate of its moment (switch modes ``ordered`` and ``event-time``).

    ``stray`` marks rows that no slot was there for and that this one holds.
    """
    segments = slot.timeline.segments()
    segment_of = segments.each(moments.each)
    held = np.array([policy is NoModelPolicy.HOLD and active for active in segments.active])[segment_of]
    if stray is not None:
        held |= stray
    cast = _Cast(segments)
    of_row = cast.codes(segment_of, held)
    ready = min(first(moments.each > moments.known), first(of_row == WAITS))
    if slot.mode is SwitchMode.EVENT_TIME:
        of_row[_late(segments, segment_of, moments, slot.timeline.base_start) & (of_row != ELSEWHERE)] = LATE
    of_row[moments.each == BEGINNING] = NO_TIME
    return Assignment(tuple(cast.candidates), of_row, ready)


@dataclass(slots=True)
class _Cast:
    """The candidates that a batch's segments name, in the order in which they are met."""

    segments: Segments
    candidates: list[Candidate] = field(default_factory=list)

    def codes(self, segment_of: Int64Array, held: Mask) -> Int64Array:
        codes = np.empty((2, len(self.segments.starts)), dtype=np.int64)
        for segment in np.unique(segment_of).tolist():
            codes[:, segment] = self._code(segment, held=False), self._code(segment, held=True)
        return codes[held.astype(np.int64), segment_of]

    def _code(self, segment: int, *, held: bool) -> int:
        candidate = self.segments.candidates[segment]
        if candidate is None:
            if not held:
                return NO_MODEL if self.segments.active[segment] else ELSEWHERE
            candidate = self.segments.following(segment)
        if candidate is None or candidate.unresolved:
            return WAITS
        if candidate not in self.candidates:
            self.candidates.append(candidate)
        return self.candidates.index(candidate)


def _late(segments: Segments, segment_of: Int64Array, moments: Moments, base_start: int) -> Mask:
    ends = np.array([segments.end(segment) for segment in range(len(segments.starts))], dtype=np.int64)
    late: Mask = (ends[segment_of] <= moments.before) | (moments.each < base_start)
    return late


def first(mask: Mask) -> int:
    """Give the first row that a mask marks, or their number where it marks none."""
    found = int(mask.argmax()) if len(mask) else 0
    return found if len(mask) and mask[found] else len(mask)
