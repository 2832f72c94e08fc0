"""One place for a serving model: its candidates, what to load next, what serves.

Rules:

1. One candidate of a slot is loaded at a time, and what is loading is finished: frequent publications starve nobody.
2. ``ready`` loads the newest candidate first (after a restart, what served before it) and skips one only when, even
   accepted, it could no longer serve. ``ordered`` and ``event-time`` load in the order of the stream and skip none.
3. A deferred candidate (a limit of time or memory) is tried again; an older one never serves in its stead.
4. The outputs of the first accepted candidate are the slot's; later ones keep their names and types unless the
   publication says that it replaces the signature. Such a one is judged before those that follow it. Retiring the slot
   ends the claim of its outputs.
5. A model that is no longer met is handed out by ``settle`` for closing after its last results are out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from headrace.core.states import FINAL, IN_LOADER, State
from headrace.core.statistics import Counts
from headrace.core.timeline import END, Entry, Timeline, can_serve, may_serve
from headrace.records import SwitchMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.abc.model import Model
    from headrace.core.candidate import Candidate
    from headrace.records import Descriptor, Field, Pin, Retire, SlotKey, Unpin

    Shape = tuple[str, tuple[int, ...]]
    Tell = Callable[[Candidate], None]

HISTORY = 1_000
IDS = 10_000


@dataclass(slots=True)
class Slot:
    """The state of one slot.

    ``retained`` holds what a roll back may name, by digest, oldest first; ``began`` is the place of the first
    publication; ``retired_at`` the position of the last command that retired the slot.
    """

    key: SlotKey
    mode: SwitchMode
    retain: int
    timeline: Timeline = field(default_factory=Timeline)
    live: dict[int, Candidate] = field(default_factory=dict)
    history: deque[Candidate] = field(default_factory=lambda: deque(maxlen=HISTORY))
    retained: dict[str, Descriptor] = field(default_factory=dict)
    outputs: tuple[Field, ...] | None = None
    outputs_position: int = -1
    publication_ids: dict[str, None] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    serving: Candidate | None = None
    began: tuple[int, int] | None = None
    retired_at: int = -1

    def knows(self, publication_id: str) -> bool:
        """Tell whether a publication of this id was seen, and remember it."""
        if not publication_id:
            return False
        if publication_id in self.publication_ids:
            return True
        self.publication_ids[publication_id] = None
        for oldest in list(islice(self.publication_ids, max(0, len(self.publication_ids) - IDS))):
            del self.publication_ids[oldest]
        return False

    def publish(self, candidate: Candidate) -> None:
        """Take in a candidate."""
        self.live[candidate.position] = candidate
        place = (candidate.moment, candidate.position)
        self.began = place if self.began is None else min(self.began, place)
        self.timeline.insert(Entry(candidate.moment, candidate.position, candidate=candidate))
        if candidate.digest not in self.retained:
            self.keep(candidate.digest, candidate.descriptor)

    def keep(self, digest: str, descriptor: Descriptor) -> None:
        """Retain bytes for a roll back, and forget the oldest beyond the limit."""
        if not digest:
            return
        self.retained.pop(digest, None)
        self.retained[digest] = descriptor
        while len(self.retained) > self.retain:
            del self.retained[next(iter(self.retained))]

    def command(self, command: Pin | Unpin | Retire, moment: int, position: int) -> None:
        """Take in a command of the slot's course."""
        self.timeline.insert(Entry(moment, position, command=command))

    @property
    def pinned(self) -> bool:
        """Whether the slot is pinned at the end of what is known."""
        return self.timeline.end(may_serve).pinned

    @property
    def active(self) -> bool:
        """Whether records address the slot at the end of what is known."""
        return self.timeline.end(may_serve).active

    def next_load(self) -> Candidate | None:
        """Choose the candidate to load now, or None."""
        states = [candidate.state for candidate in self.live.values()]
        if State.RECEIVED not in states or not IN_LOADER.isdisjoint(states):
            return None
        waiting = [candidate for candidate in self.live.values() if candidate.state is State.RECEIVED]
        chosen = self._newest(waiting) if self.mode is SwitchMode.READY else min(waiting, key=_position)
        if chosen is None:
            return None
        chosen = self._judged_first(chosen, waiting)
        return None if chosen.deferred else chosen

    def _newest(self, waiting: list[Candidate]) -> Candidate | None:
        proven = self.timeline.end(lambda each: each.proven).serving
        if proven is not None and proven in waiting:
            return proven
        hoped = self.timeline.end(may_serve)
        return next((each for each in (hoped.serving, hoped.staged) if each in waiting), None)

    def _judged_first(self, chosen: Candidate, waiting: list[Candidate]) -> Candidate:
        if chosen.descriptor.replaces_signature:
            return chosen
        between = range(self.outputs_position + 1, chosen.position)
        replacing = [each for each in waiting if each.descriptor.replaces_signature and each.position in between]
        return max(replacing, key=_position, default=chosen)

    def misfit(self, candidate: Candidate, outputs: tuple[Field, ...]) -> str:
        """Say why these outputs do not fit the slot, or "" where they do."""
        earlier = candidate.position < self.outputs_position
        if self.outputs is None or earlier or candidate.proven or candidate.descriptor.replaces_signature:
            return ""
        had = {each.name: (each.type, each.shape) for each in self.outputs}
        have = {each.name: (each.type, each.shape) for each in outputs}
        if had == have:
            return ""
        told = "; ".join(_differences(had, have))
        return (
            f"its outputs are not those of slot {self.key}: {told}. Publish it with replaces_signature to change them"
        )

    def accept(self, candidate: Candidate, model: Model) -> None:
        """Stage a candidate that is loaded, verified and warm."""
        candidate.move(State.STAGED)
        candidate.model = model
        self.keep(candidate.digest, candidate.descriptor)
        if candidate.position > self.outputs_position and (
            self.outputs is None or candidate.descriptor.replaces_signature
        ):
            self.outputs, self.outputs_position = model.signature.outputs, candidate.position
        self.timeline.touch()

    def reject(self, candidate: Candidate, reason: str) -> None:
        """Refuse a candidate: it is as if it had never been there."""
        candidate.move(State.REJECTED, reason)
        if self.outputs is None:
            places = [(each.moment, each.position) for each in self.live.values() if may_serve(each)]
            self.began = min(places, default=None)
        if self.retained.get(candidate.digest) is candidate.descriptor:
            del self.retained[candidate.digest]
        self.timeline.touch()

    def settle(self, watermark: int, at: int, tell: Tell) -> list[Model]:
        """Promote, skip and retire what the timeline now says; give the models to close.

        ``watermark`` is the moment before which no record comes any more (not used by ``ready``).
        """
        if self.mode is SwitchMode.READY:
            gone = self._settle_ready(at, tell)
        else:
            gone = self._settle_past(watermark, at, tell)
        for candidate in [each for each in self.live.values() if each.state in FINAL]:
            del self.live[candidate.position]
            self.history.append(candidate)
        return gone

    def _settle_ready(self, at: int, tell: Tell) -> list[Model]:
        course = self.timeline.end(can_serve)
        gone: list[Model] = []
        if course.serving is not self.serving:
            if self.serving is not None:
                gone += retire(self.serving, at, tell)
            if course.serving is not None:
                start_serving(course.serving, at, tell)
            self.serving = course.serving
        for candidate in list(self.live.values()):
            if candidate is course.serving or candidate is course.staged:
                continue
            if candidate.state in {State.RECEIVED, State.STAGED} and self._overtaken(candidate):
                gone += skip(candidate, tell)
        self.timeline.fold(END)
        return gone

    def _overtaken(self, candidate: Candidate) -> bool:
        course = self.timeline.end(lambda each: each is candidate or each.accepted)
        return candidate is not course.serving and candidate is not course.staged

    def _settle_past(self, watermark: int, at: int, tell: Tell) -> list[Model]:
        self.timeline.fold(watermark)
        met = {id(candidate) for candidate in self.timeline.members()}
        gone: list[Model] = []
        for candidate in list(self.live.values()):
            if id(candidate) not in met and candidate.accepted:
                gone += retire(candidate, at, tell)
        self.serving = self.timeline.base.serving
        return gone


def start_serving(candidate: Candidate, at: int, tell: Tell) -> None:
    """Let a staged candidate serve."""
    candidate.move(State.SERVING)
    if candidate.statistics.since is None:
        candidate.statistics.since = at
    tell(candidate)


def retire(candidate: Candidate, at: int, tell: Tell) -> list[Model]:
    """End an accepted candidate's service; give its model to close."""
    candidate.move(State.RETIRED)
    candidate.statistics.until = at
    tell(candidate)
    return _release(candidate)


def skip(candidate: Candidate, tell: Tell) -> list[Model]:
    """Pass over a candidate that a later one has overtaken; give its model, if it has one, to close."""
    candidate.move(State.SKIPPED, "a later publication of the slot is ready")
    tell(candidate)
    return _release(candidate)


def _release(candidate: Candidate) -> list[Model]:
    model, candidate.model = candidate.model, None
    candidate.bindings.clear()
    return [] if model is None else [model]


def _position(candidate: Candidate) -> int:
    return candidate.position


def _differences(had: dict[str, Shape], have: dict[str, Shape]) -> list[str]:
    told = [f"{name} is absent" for name in had if name not in have]
    told += [f"{name} is new" for name in have if name not in had]
    changed = [name for name in had if name in have and had[name] != have[name]]
    return told + [f"{name} is {_shown(have[name])}, was {_shown(had[name])}" for name in changed]


def _shown(shape: Shape) -> str:
    kind, sizes = shape
    return f"{kind}{list(sizes)}" if sizes else kind
