"""The engine's side of the monitor: an observer that takes views and hears events, on the engine's thread.

Rules:

1. The engine's thread never waits here. It leaves values behind; the monitor's thread picks them up.
2. A view is taken when the last is ``EVERY`` seconds old and something happened, and at every commit: so the last one
   of an idle engine is complete.
3. Events are numbered from 1, those of earlier runs first; the last ``EVENTS`` are kept.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from headrace.core.events import describe_event
from headrace.core.memory import Memory
from headrace.core.states import State
from headrace.monitor.view import View, take_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headrace.abc.model import Model
    from headrace.core.candidate import Candidate
    from headrace.core.events import Event
    from headrace.core.join import Join
    from headrace.machinery.standing import Member

EVERY = 0.25
EVENTS = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """A model that serves, for records that are posted; ``exclude`` names fields that are no features."""

    position: int
    name: str
    version: str
    digest: str
    model: Model
    mapping: Mapping[str, tuple[str, ...]]
    exclude: frozenset[str]


class Watcher:
    """An ``Observer`` of one engine. ``attach`` it to the engine's join before the engine runs."""

    def __init__(self, earlier: Iterable[Mapping[str, object]] = ()) -> None:
        self.own = View(at=0, position=-1)
        self.serving: Mapping[tuple[str, str], Serving] = {}
        self.committed_at: int | None = None
        self.deferred: tuple[str, ...] = ()
        self.restoring = False
        self._events: deque[dict[str, Any]] = deque(
            ({**each, "id": number} for number, each in enumerate(earlier, start=1)), maxlen=EVENTS
        )
        self._last = self._events[-1]["id"] if self._events else 0
        self._memory = Memory()
        self._join: Join | None = None
        self._look_at = 0.0

    @property
    def view(self) -> View:
        """What there is to see: here, what this process has done."""
        return self.own

    @property
    def members(self) -> Sequence[Member]:
        """The instances that share the work; none where an engine is alone."""
        return ()

    @property
    def trouble(self) -> str:
        """What keeps the view from being up to date, "" for nothing."""
        return ""

    def attach(self, join: Join) -> None:
        """Learn whom to look at; the first view is taken once its state is brought back and something happens."""
        self._join = join

    def happened(self, events: Sequence[object]) -> None:
        """Keep events, numbered."""
        for event in cast("Sequence[Event]", events):
            self._last += 1
            self._events.append({**describe_event(event), "id": self._last})
        self._look_now_and_then()

    def advanced(self, outcome: object) -> None:  # noqa: ARG002 the results are the sink's
        """Look at the join now and then."""
        self._look_now_and_then()

    def committed(self) -> None:
        """Look at the join, so that the last look at an idle engine is complete."""
        self.committed_at = None if self._join is None else self._join.clock()
        self._look()

    def events(self, after: int = 0, limit: int = EVENTS) -> list[dict[str, Any]]:
        """Give the oldest events after a number; from any thread."""
        while True:
            try:
                return list(islice((each for each in self._events if each["id"] > after), limit))
            except RuntimeError:  # the engine's thread added one meanwhile
                continue

    @property
    def last_event(self) -> int:
        """The number of the newest event."""
        return self._last

    def _look_now_and_then(self) -> None:
        if time.monotonic() >= self._look_at:
            self._look()

    def _look(self) -> None:
        if self._join is None:
            return
        self._look_at = time.monotonic() + EVERY
        self.own = take_view(self._join, self._memory)
        alive = [each for slot in self._join.models.slots.values() for each in slot.live.values()]
        self.deferred = tuple(f"{each.version.name} {each.version.version}: {each.reason}" for each in _deferred(alive))
        self.restoring = any(each.proven and each.unresolved for each in alive)
        exclude = self._join.settings.exclude
        serving = sorted((each for each in alive if each.state is State.SERVING), key=lambda each: each.position)
        self.serving = {
            (each.slot.data_type, each.slot.name): Serving(
                each.position,
                each.version.name,
                each.version.version,
                each.digest,
                each.model,
                each.descriptor.mapping,
                exclude,
            )
            for each in serving
            if each.model is not None
        }


def _deferred(candidates: Iterable[Candidate]) -> Iterable[Candidate]:
    """Find those that a limit kept from a verdict; one that is tried again keeps the reason until it has one."""
    return (each for each in candidates if each.unresolved and (each.deferred or each.reason))
