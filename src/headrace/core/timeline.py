"""Which candidate serves at which moment of one slot.

Rules:

1. Entries are sorted by (moment, position). What a moment is, the switch mode says: the position itself (``ready``, and
   ``ordered`` by arrival), the time of the append (``ordered`` by timestamp), or the effective time (``event-time``).
2. A publication serves from its moment on; a rejected one is as if it had never been there.
3. Between a pin and its unpin publications are staged; the unpin lets the last staged one serve.
4. Retiring the slot ends its service and its pin.
5. What no record can meet any more is folded into the base, so that a timeline stays short.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from headrace.core.states import State
from headrace.records import Pin, Retire, Unpin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.core.candidate import Candidate
    from headrace.records import Int64Array


def may_serve(candidate: Candidate) -> bool:
    """Count all that has not been refused or passed over."""
    return candidate.state not in {State.REJECTED, State.SKIPPED}


def can_serve(candidate: Candidate) -> bool:
    """Count what is ready to score."""
    return candidate.accepted


BEGINNING = -(2**63)
END = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A publication (``candidate``) or a command on the timeline."""

    moment: int
    position: int
    candidate: Candidate | None = None
    command: Pin | Unpin | Retire | None = None


@dataclass(slots=True)
class Course:
    """What serves, what is pinned and what is staged behind the pin, at one moment."""

    serving: Candidate | None = None
    pinned: bool = False
    staged: Candidate | None = None
    active: bool = False

    def pass_entry(self, entry: Entry) -> bool:
        """Move past an entry; say whether what serves may have changed."""
        if entry.candidate is not None:
            self.active = True
            if self.pinned:
                self.staged = entry.candidate
                return False
            self.serving = entry.candidate
            return True
        match entry.command:
            case Pin():
                self.pinned = True
                return False
            case Unpin():
                self.pinned = False
                if self.staged is None:
                    return False
                self.serving, self.staged = self.staged, None
                return True
            case _:
                self.serving, self.pinned, self.staged, self.active = None, False, None, False
                return True

    def copy(self) -> Course:
        """Give an independent copy."""
        return Course(self.serving, self.pinned, self.staged, self.active)


@dataclass(slots=True)
class Segments:
    """The timeline cut where what serves changes: segment i holds the moments from starts[i] up to starts[i + 1]."""

    starts: Int64Array
    candidates: list[Candidate | None]
    active: list[bool]

    def at(self, moment: int) -> int:
        """Give the segment of a moment."""
        return int(np.searchsorted(self.starts, moment, side="right")) - 1

    def each(self, moments: Int64Array) -> Int64Array:
        """Give the segment of each moment."""
        return np.searchsorted(self.starts, moments, side="right").astype(np.int64) - 1

    def following(self, segment: int) -> Candidate | None:
        """Give the first candidate after a segment."""
        return next((each for each in self.candidates[segment + 1 :] if each is not None), None)

    def end(self, segment: int) -> int:
        """Give the first moment after a segment."""
        return int(self.starts[segment + 1]) if segment + 1 < len(self.starts) else END


@dataclass(slots=True)
class Timeline:
    """The entries of one slot that records may still meet, after a base of what they no longer meet."""

    base: Course = field(default_factory=Course)
    base_start: int = BEGINNING
    entries: list[Entry] = field(default_factory=list)
    _segments: Segments | None = None

    def insert(self, entry: Entry) -> None:
        """Put an entry at its place."""
        insort(self.entries, entry, key=lambda each: (each.moment, each.position))
        self._segments = None

    def touch(self) -> None:
        """Forget what was computed: a candidate's state has changed."""
        self._segments = None

    def segments(self) -> Segments:
        """Cut the timeline into segments; an unresolved candidate has its segment until it is rejected."""
        if self._segments is None:
            self._segments = self._cut()
        return self._segments

    def _cut(self) -> Segments:
        course = self.base.copy()
        starts, candidates, active = [BEGINNING], [course.serving], [course.active]
        for entry in self._counting(may_serve):
            changed = course.pass_entry(entry)
            if not changed and course.active == active[-1]:
                continue
            if entry.moment == starts[-1]:
                candidates[-1], active[-1] = course.serving, course.active
            else:
                starts.append(entry.moment)
                candidates.append(course.serving)
                active.append(course.active)
        return Segments(np.array(starts, dtype=np.int64), candidates, active)

    def end(self, counts: Callable[[Candidate], bool]) -> Course:
        """Give the course after the last entry, as if there were only those candidates that count."""
        course = self.base.copy()
        for entry in self._counting(counts):
            course.pass_entry(entry)
        return course

    def _counting(self, counts: Callable[[Candidate], bool]) -> Iterator[Entry]:
        return (entry for entry in self.entries if entry.candidate is None or counts(entry.candidate))

    def fold(self, watermark: int) -> None:
        """Fold what lies wholly before ``watermark`` into the base, as far as its candidates have a verdict."""
        reached = bisect_right(self.entries, watermark, key=lambda entry: entry.moment)
        folded = 0
        for entry in self.entries[:reached]:
            if entry.candidate is not None and entry.candidate.unresolved:
                break
            folded += 1
            if entry.candidate is not None and not may_serve(entry.candidate):
                continue
            if self.base.pass_entry(entry):
                self.base_start = entry.moment
        if folded:
            del self.entries[:folded]
            self._segments = None

    def members(self) -> Iterator[Candidate]:
        """Give the candidates that records may still meet, the base's first."""
        for candidate in (self.base.serving, self.base.staged):
            if candidate is not None:
                yield candidate
        for entry in self.entries:
            if entry.candidate is not None:
                yield entry.candidate
