"""Which candidate serves at which moment of one slot.

Rules:

1. Entries are sorted by (moment, position). What a moment is, the switch mode says: the position itself (``ready``, and
   ``ordered`` by arrival), the time of the append (``ordered`` by timestamp), or the effective time (``event-time``).
2. A publication serves from its moment on; a rejected one is as if it had never been there. The first one that serves
   makes its slot active: from then on records address it.
3. Between a pin and its unpin publications are staged; the unpin lets the last staged one serve.
4. Retiring the slot ends its service and its pin; records no longer address it.
5. What no record can meet any more is folded into the base, so that a timeline stays short. When the slot was active is
   kept: a late record must not find a slot there that was not.
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
        """Move past an entry; say whether what serves, or whether anything may, has changed."""
        if entry.candidate is not None:
            return self._offer(entry.candidate)
        match entry.command:
            case Pin():
                self.pinned = True
                return False
            case Unpin():
                self.pinned = False
                staged, self.staged = self.staged, None
                return staged is not None and self._offer(staged)
            case _:
                ended = self.active
                self.serving, self.pinned, self.staged, self.active = None, False, None, False
                return ended

    def _offer(self, candidate: Candidate) -> bool:
        if self.pinned:
            self.staged = candidate
            return False
        self.serving, self.active = candidate, True
        return True

    def only(self, counts: Callable[[Candidate], bool]) -> Course:
        """Give an independent copy without the candidates that do not count."""
        serving = self.serving if self.serving is not None and counts(self.serving) else None
        staged = self.staged if self.staged is not None and counts(self.staged) else None
        return Course(serving, self.pinned, staged, self.active)


@dataclass(slots=True)
class Segments:
    """The timeline cut where what serves changes: segment i holds the moments from starts[i] up to ends[i].

    ``undecided`` is the first moment at which a candidate without a verdict stands: from there on ends may still move.
    """

    starts: list[int]
    ends: list[int]
    candidates: list[Candidate | None]
    active: list[bool]
    undecided: int

    def at(self, moment: int) -> int:
        """Give the segment of a moment."""
        return bisect_right(self.starts, moment) - 1

    def each(self, moments: Int64Array) -> Int64Array:
        """Give the segment of each moment."""
        return np.searchsorted(self.starts, moments, side="right").astype(np.int64, copy=False) - 1

    def following(self, segment: int) -> int | None:
        """Give the first later segment that has a candidate."""
        later = range(segment + 1, len(self.candidates))
        return next((place for place in later if self.candidates[place] is not None), None)

    def activation(self, segment: int) -> int:
        """Give the first later moment at which records address the slot, ``END`` where there is none."""
        later = range(segment + 1, len(self.active))
        return next((self.starts[place] for place in later if self.active[place]), END)


@dataclass(slots=True)
class Timeline:
    """The entries of one slot that records may still meet, after a base of what they no longer meet.

    ``past`` tells from which moment on the slot was active (True) or not, up to ``base_start``.
    """

    base: Course = field(default_factory=Course)
    base_start: int = BEGINNING
    past: list[tuple[int, bool]] = field(default_factory=lambda: [(BEGINNING, False)])
    entries: list[Entry] = field(default_factory=list)
    _segments: Segments | None = None

    def declare(self) -> None:
        """Let records address the slot from the beginning."""
        self.base.active, self.past = True, [(BEGINNING, True)]

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
        course = self.base.only(may_serve)
        starts = [moment for moment, _ in self.past if moment < self.base_start]
        active = [active for moment, active in self.past if moment < self.base_start]
        candidates: list[Candidate | None] = [None] * len(starts)
        starts.append(self.base_start)
        candidates.append(course.serving)
        active.append(course.active)
        for entry in self._counting(may_serve):
            if not course.pass_entry(entry):
                continue
            if entry.moment > starts[-1]:
                starts.append(entry.moment)
                candidates.append(course.serving)
                active.append(course.active)
            candidates[-1], active[-1] = course.serving, course.active
            if len(starts) > 1 and not active[-1] and not active[-2]:
                del starts[-1], candidates[-1], active[-1]  # what began here has ended here
        unresolved = (each.moment for each in self.entries if each.candidate is not None and each.candidate.unresolved)
        return Segments(starts, [*starts[1:], END], candidates, active, next(unresolved, END))

    def end(self, counts: Callable[[Candidate], bool]) -> Course:
        """Give the course after the last entry, as if there were only those candidates that count."""
        course = self.base.only(counts)
        for entry in self._counting(counts):
            course.pass_entry(entry)
        return course

    def _counting(self, counts: Callable[[Candidate], bool]) -> Iterator[Entry]:
        return (entry for entry in self.entries if entry.candidate is None or counts(entry.candidate))

    def may_fold(self, watermark: int) -> bool:
        """Whether anything lies wholly before ``watermark``."""
        return bool(self.entries) and self.entries[0].moment <= watermark

    def fold(self, watermark: int) -> None:
        """Fold what lies wholly before ``watermark`` into the base, as far as its candidates have a verdict."""
        reached = bisect_right(self.entries, watermark, key=lambda entry: entry.moment)
        folded = 0
        for entry in self.entries[:reached]:
            if entry.candidate is not None and entry.candidate.unresolved:
                break
            folded += 1
            if entry.candidate is None or may_serve(entry.candidate):
                self._fold_entry(entry)
        if folded:
            del self.entries[:folded]
            self._segments = None

    def _fold_entry(self, entry: Entry) -> None:
        if not self.base.pass_entry(entry):
            return
        self.base_start = entry.moment
        if self.base.active is not self.past[-1][1]:
            self.past.append((entry.moment, self.base.active))
            if len(self.past) > 2 and self.past[-2][0] == entry.moment:
                del self.past[-2:]  # what began or ended here has ended or begun here
        if not self.base.active:
            self.base_start = self.past[-1][0]

    def members(self) -> Iterator[Candidate]:
        """Give the candidates that records may still meet, the base's first."""
        for candidate in (self.base.serving, self.base.staged):
            if candidate is not None:
                yield candidate
        for entry in self.entries:
            if entry.candidate is not None:
                yield entry.candidate
