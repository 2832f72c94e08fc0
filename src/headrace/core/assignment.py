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
    from headrace.core.moments import Moments
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
class Assignment:
    """The candidate of each row as an index into ``candidates``, or one of the negative codes.

    ``of_row`` None: all rows meet the only candidate. Rows from ``ready`` on (counted within the group's slice) must
    wait.
    """

    candidates: tuple[Candidate, ...]
    of_row: Int64Array | None
    ready: int


def assign_serving(slot: Slot, rows: int, floor: int) -> Assignment:
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
    return Assignment((), np.full(rows, NO_MODEL, dtype=np.int64), 0 if slot.policy is NoModelPolicy.HOLD else rows)


def assign_by_moment(slot: Slot, moments: Moments, stray: Mask | None = None) -> Assignment:
    """Assign to each row the candidate of its moment (switch modes ``ordered`` and ``event-time``).

    ``stray`` marks rows that no slot was there for and that this one holds.
    """
    segments = slot.timeline.segments()
    only = _only_candidate(slot, segments, moments)
    if only is not None:
        return Assignment((only,), None, len(moments.rows))
    each = moments.each(moments.rows)
    segment_of = segments.each(each)
    holds = slot.policy is NoModelPolicy.HOLD
    held = np.array([holds and active for active in segments.active])[segment_of]
    if stray is not None:
        held |= stray
    cast = _Cast(segments, moments.known)
    of_row = cast.codes(segment_of, held)
    of_row[(each == BEGINNING) & (of_row != ELSEWHERE)] = NO_TIME
    ready = first(each > moments.known)
    if moments.passed is not None:
        passed = moments.passed(moments.rows)
        ended = (np.array(segments.ends)[segment_of] <= passed) | (each < slot.timeline.base_start)
        late = ended & (of_row != ELSEWHERE) & (of_row != NO_TIME)
        of_row[late] = LATE
        unsure = (passed > moments.known) | (late & (passed >= segments.undecided))
        ready = min(ready, first(unsure))
    return Assignment(tuple(cast.candidates), of_row, min(ready, first(of_row == WAITS)))


def _only_candidate(slot: Slot, segments: Segments, moments: Moments) -> Candidate | None:
    """Give the candidate that all rows meet, where the bounds of their moments say so."""
    low, segment = moments.low, segments.at(moments.low)
    candidate = segments.candidates[segment]
    if candidate is None or not candidate.accepted or low == BEGINNING or moments.high > moments.known:
        return None
    if moments.high >= segments.ends[segment]:
        return None
    if moments.passed is not None and (
        moments.passed_high >= segments.ends[segment]
        or moments.passed_high > moments.known
        or low < slot.timeline.base_start
    ):
        return None
    return candidate


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
        if place is None or self.segments.starts[place] > self.known:
            return None
        return self.segments.candidates[place]


def first(mask: Mask) -> int:
    """Give the first row that a mask marks, or their number where it marks none."""
    found = int(mask.argmax()) if len(mask) else 0
    return found if len(mask) and mask[found] else len(mask)
