"""Which candidate each row of a batch meets in one slot, and from which row on the batch must wait.

Rules:

1. ``ready``: all rows meet what serves now; while that is older than what the partition has used, they wait.
2. ``ordered`` and ``event-time``: a row meets the timeline's candidate at its moment; it waits until the model stream
   has been read up to that moment and the candidate has a verdict.
3. A row whose version had ended before the partition's own watermark is late. The verdict hangs on the partition's
   records and the model stream alone, so it is the same for any parallelism; while the end may move, the row waits.
4. Under ``hold`` a row without a model waits for the first one that comes after its moment, and until the model stream
   has been read that far: none may come between. So does a row that addresses no slot, in the slot that begins first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from headrace.core.timeline import BEGINNING
from headrace.records import NoModelPolicy

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

    ``each`` is a row's moment (``BEGINNING``: it has none), ``passed`` the moment up to which versions are kept no
    longer when the row comes (None where that does not matter), ``known`` how far the model stream has been read.
    """

    each: Int64Array
    passed: Int64Array | None
    known: int


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """The candidate of each row as an index into ``candidates``, or one of the negative codes.

    ``of_row`` None: all rows meet the only candidate. Rows from ``ready`` on (counted within the group's slice) must
    wait.
    """

    candidates: tuple[Candidate, ...]
    of_row: Int64Array | None
    ready: int


def assign_serving(slot: Slot, rows: int, floor: int, policy: NoModelPolicy) -> Assignment:
    """Assign what serves now to every row (switch mode ``ready``).

    ``floor`` is the greatest position that the partition has used in the slot, -1 for none.
    """
    serving = slot.serving
    floor = floor if floor > slot.retired_at else -1
    if serving is not None and serving.position >= floor:
        return Assignment((serving,), None, rows)
    if floor >= 0:
        return Assignment((), np.full(rows, WAITS, dtype=np.int64), 0)
    if not slot.active:
        return Assignment((), np.full(rows, ELSEWHERE, dtype=np.int64), rows)
    return Assignment((), np.full(rows, NO_MODEL, dtype=np.int64), 0 if policy is NoModelPolicy.HOLD else rows)


def assign_by_moment(slot: Slot, moments: Moments, policy: NoModelPolicy, stray: Mask | None = None) -> Assignment:
    """Assign to each row the candidate of its moment (switch modes ``ordered`` and ``event-time``).

    ``stray`` marks rows that no slot was there for and that this one holds.
    """
    segments = slot.timeline.segments()
    segment_of = segments.each(moments.each)
    held = np.array([policy is NoModelPolicy.HOLD and active for active in segments.active])[segment_of]
    if stray is not None:
        held |= stray
    cast = _Cast(segments, moments.known)
    of_row = cast.codes(segment_of, held)
    timeless = moments.each == BEGINNING
    of_row[timeless & (of_row != ELSEWHERE)] = NO_TIME
    ready = first(moments.each > moments.known)
    if moments.passed is not None:
        ended = (segments.ends[segment_of] <= moments.passed) | (moments.each < slot.timeline.base_start)
        late = ended & (of_row != ELSEWHERE) & (of_row != NO_TIME)
        of_row[late] = LATE
        unsure = (moments.passed > moments.known) | (late & (moments.passed >= segments.undecided))
        ready = min(ready, first(unsure))
    return Assignment(tuple(cast.candidates), of_row, min(ready, first(of_row == WAITS)))


@dataclass(slots=True)
class _Cast:
    """The candidates that a batch's segments name, in the order in which they are met."""

    segments: Segments
    known: int
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
            candidate = self._following(segment)
        if candidate is None or candidate.unresolved:
            return WAITS
        if candidate not in self.candidates:
            self.candidates.append(candidate)
        return self.candidates.index(candidate)

    def _following(self, segment: int) -> Candidate | None:
        place = self.segments.following(segment)
        if place is None or int(self.segments.starts[place]) > self.known:
            return None
        return self.segments.candidates[place]


def first(mask: Mask) -> int:
    """Give the first row that a mask marks, or their number where it marks none."""
    found = int(mask.argmax()) if len(mask) else 0
    return found if len(mask) and mask[found] else len(mask)
