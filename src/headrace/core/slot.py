"""One place for a serving model: its candidates, what to load next, what serves.

Rules:

1. One candidate of a slot is loaded at a time, and what is loading is finished: frequent publications starve nobody.
2. ``ready`` loads the newest candidate first (after a restart, what served before it) and skips one only when, even
   accepted, it could no longer serve. ``ordered`` and ``event-time`` load in the order of the stream and skip none.
3. A deferred candidate (a limit of time or memory) is tried again; an older one never serves in its stead.
4. A candidate that is held to outputs not yet known is loaded after the one that sets them, so that its verdict is the
   same on every instance that is running, however far behind. Only at a cold start, before the first records, is the
   newest candidate loaded alone: it then sets the outputs.
5. A model that is no longer met is handed out by ``settle`` for closing after its last results are out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from headrace.core.claims import Claim, Claims, explain_misfit
from headrace.core.retention import Retention
from headrace.core.states import FINAL, IN_LOADER, State
from headrace.core.statistics import Counts
from headrace.core.timeline import END, Entry, Timeline, can_serve, may_serve
from headrace.records import NoModelPolicy, SwitchMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.abc.model import Model
    from headrace.core.candidate import Candidate
    from headrace.records import Descriptor, Field, Pin, Retire, SlotKey, Unpin

    Tell = Callable[[Candidate], None]

HISTORY = 1_000
IDS = 10_000


@dataclass(slots=True)
class Slot:
    """The state of one slot.

    ``live`` holds the candidates without a final state by position, ``history`` the others. ``retired_at`` is the
    position of the last command that retired the slot.
    """

    key: SlotKey
    mode: SwitchMode
    retention: Retention
    policy: NoModelPolicy = NoModelPolicy.SKIP
    timeline: Timeline = field(default_factory=Timeline)
    live: dict[int, Candidate] = field(default_factory=dict)
    history: deque[Candidate] = field(default_factory=lambda: deque(maxlen=HISTORY))
    claims: Claims = field(default_factory=Claims)
    publication_ids: dict[str, None] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    serving: Candidate | None = None
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
        self.timeline.insert(Entry(candidate.moment, candidate.position, candidate=candidate))
        if candidate.digest and not candidate.parked:
            self.retention.offer(candidate.position, candidate.digest, candidate.descriptor)

    def command(self, command: Pin | Unpin | Retire, moment: int, position: int) -> None:
        """Take in a command of the slot's course."""
        self.timeline.insert(Entry(moment, position, command=command))

    def end_service(self, command: Retire, moment: int, position: int) -> None:
        """Take in the end of the slot's service."""
        self.command(command, moment, position)
        self.claims.put(Claim(position))
        self.retired_at = position

    @property
    def retained(self) -> dict[str, Descriptor]:
        """What a roll back may name now, by digest, oldest first."""
        kept = self.retention.kept().items()
        return {digest: offer.descriptor for digest, offer in kept if offer.descriptor is not None}

    @property
    def undigested(self) -> bool:
        """Whether there are candidates without a verdict whose bytes are not known by digest."""
        return any(each.unresolved and (each.parked or not each.digest) for each in self.live.values())

    def unpark(self, candidate: Candidate) -> bool:
        """Give a roll back its descriptor; False where nothing of its digest is retained."""
        found = self.retention.find(candidate.digest, candidate.position)
        if found is None:
            return False
        candidate.unpark(go_back(found, candidate.descriptor))
        self.retention.offer(candidate.position, candidate.digest, candidate.descriptor)
        return True

    @property
    def pinned(self) -> bool:
        """Whether the slot is pinned at the end of what is known."""
        return self.timeline.end(may_serve).pinned

    @property
    def active(self) -> bool:
        """Whether records address the slot at the end of what is known."""
        return self.timeline.end(may_serve).active

    def next_load(self, *, cold: bool) -> Candidate | None:
        """Choose the candidate to load now, or None; ``cold``: this instance starts without anything known."""
        states = [candidate.state for candidate in self.live.values()]
        if State.RECEIVED not in states or not IN_LOADER.isdisjoint(states):
            return None
        waiting = [candidate for candidate in self.live.values() if candidate.state is State.RECEIVED]
        chosen = self._newest(waiting) if self.mode is SwitchMode.READY else min(waiting, key=_position)
        if chosen is None:
            return None
        chosen = self._judged_first(chosen, waiting, cold=cold)
        return None if chosen.deferred else chosen

    def _newest(self, waiting: list[Candidate]) -> Candidate | None:
        proven = self.timeline.end(lambda each: each.proven).serving
        if proven is not None and proven in waiting and not proven.deferred:
            return proven
        hoped = self.timeline.end(may_serve)
        return next((each for each in (hoped.serving, hoped.staged) if each in waiting), None)

    def _judged_first(self, chosen: Candidate, waiting: list[Candidate], *, cold: bool) -> Candidate:
        """Give the candidate whose verdict the chosen one's hangs on, or else the chosen one."""
        earlier = [each for each in waiting if each.position < chosen.position]
        if chosen.parked:
            unknown = [each for each in earlier if each.parked or not each.digest]
            return min(unknown, key=_position, default=chosen)
        if chosen.unbound:
            return chosen
        claim = self.claims.before(chosen.position)
        between = [each for each in earlier if each.position > claim.position]
        replacing = [each for each in between if each.descriptor.replaces_signature]
        if replacing:
            return self._judged_first(max(replacing, key=_position), waiting, cold=cold)
        if claim.outputs is not None or cold:
            return chosen
        return min(between, key=_position, default=chosen)

    def misfit(self, candidate: Candidate, outputs: tuple[Field, ...]) -> str:
        """Say why these outputs do not fit the slot, or "" where they do."""
        had = self.claims.before(candidate.position).outputs
        told = "" if had is None or candidate.unbound else explain_misfit(had, outputs)
        if not told:
            return ""
        return (
            f"its outputs are not those of slot {self.key}: {told}. To change them, publish it with "
            "--replaces-signature (replaces_signature in a descriptor)"
        )

    def accept(self, candidate: Candidate, model: Model) -> None:
        """Stage a candidate that is loaded, verified and warm."""
        candidate.move(State.STAGED)
        candidate.model = model
        if candidate.descriptor.replaces_signature or self.claims.before(candidate.position).outputs is None:
            self.claims.put(Claim(candidate.position, model.signature.outputs))
        self.timeline.touch()

    def reject(self, candidate: Candidate, reason: str) -> None:
        """Refuse a candidate: it is as if it had never been there."""
        candidate.move(State.REJECTED, reason)
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
        self.claims.forget_before(min(self.live, default=END))
        if not self.undigested:
            self.retention.compact()
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
        newest = max((each.position for each in self.live.values() if each.accepted), default=-1)
        for candidate in self._overtaken(newest):
            gone += self._pass_over(candidate, newest, at, tell)
        self.timeline.fold(END)
        return gone

    def _overtaken(self, newest: int) -> list[Candidate]:
        """Find the waiting candidates that could no longer serve, even accepted.

        Where neither a pin nor a command stands between them these are all before the newest accepted one, and those
        that are no longer on the timeline; else each is tried.
        """
        waiting = [each for each in self.live.values() if each.state in {State.RECEIVED, State.STAGED}]
        if self.timeline.base.pinned or any(entry.command is not None for entry in self.timeline.entries):
            return [each for each in waiting if self._loses(each)]
        met = {id(each) for each in self.timeline.members()}
        return [each for each in waiting if each.position < newest or id(each) not in met]

    def _loses(self, candidate: Candidate) -> bool:
        course = self.timeline.end(lambda each: each is candidate or each.accepted)
        return candidate is not course.serving and candidate is not course.staged

    def _pass_over(self, candidate: Candidate, newest: int, at: int, tell: Tell) -> list[Model]:
        """Skip a candidate behind a later one that is ready; retire one that served, or whose slot was retired."""
        ready = candidate.position < newest
        return skip(candidate, tell) if ready and not candidate.proven else retire(candidate, at, tell)

    def _settle_past(self, watermark: int, at: int, tell: Tell) -> list[Model]:
        self.timeline.fold(watermark)
        met = {id(candidate) for candidate in self.timeline.members()}
        gone: list[Model] = []
        for candidate in list(self.live.values()):
            if id(candidate) not in met and candidate.accepted:
                gone += retire(candidate, at, tell)
        self.serving = self.timeline.base.serving
        return gone


def go_back(found: Descriptor, command: Descriptor) -> Descriptor:
    """Make the descriptor of a roll back: what was found, from the command's moment and under the command's id."""
    return replace(
        found,
        valid_from=command.valid_from,
        publication_id=command.publication_id,
        replaces_signature=True,
        switch=None,
    )


def start_serving(candidate: Candidate, at: int, tell: Tell) -> None:
    """Let a staged candidate serve."""
    candidate.move(State.SERVING)
    if candidate.statistics.since is None:
        candidate.statistics.since = at
    tell(candidate)


def retire(candidate: Candidate, at: int, tell: Tell) -> list[Model]:
    """End a candidate's service; give its model, if it has one, to close."""
    candidate.move(State.RETIRED)
    if candidate.statistics.since is not None:
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
    candidate.bound = None
    return [] if model is None else [model]


def _position(candidate: Candidate) -> int:
    return candidate.position
