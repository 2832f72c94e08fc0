"""Models' lives and commits as spans of OpenTelemetry.

Rules:

1. A span for each publication, from the first heard of it to its verdict: serving, rejected, skipped or retired.
   Each step on the way is an event of the span. Days of service are no span: they would be lost with the process.
2. A span for each commit that had records before it: from the first of them to the commit.
3. Nothing per record. The engine's thread only puts spans into a queue, which drops what does not fit.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from opentelemetry.trace import Span, Status, StatusCode

from headrace.core.events import Happening
from headrace.core.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Tracer

    from headrace.core.events import Event
    from headrace.core.join import Outcome
    from headrace.records import SlotKey

_MS = 1_000_000
_VERDICTS = frozenset({State.SERVING, State.REJECTED, State.SKIPPED, State.RETIRED})
_STEPS = frozenset({*State, Happening.DEFERRED})
MOST = 1_000
"""Lives that are open at once; further ones are not followed."""


class SpanWriter:
    """An ``Observer`` that writes spans."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._lives: dict[tuple[SlotKey | None, int], Span] = {}
        self._began: int | None = None
        self._scored = self._dead_lettered = self._skipped = 0

    def happened(self, events: Sequence[object]) -> None:
        """Add each step to its model's span, and end it at the verdict."""
        for event in cast("Sequence[Event]", events):
            if event.kind in _STEPS:
                self._step(event)

    def advanced(self, outcome: object) -> None:
        """Count what the next commit is about."""
        taken = cast("Outcome", outcome)
        if self._began is None:
            self._began = time.time_ns()
        self._scored += sum(map(len, taken.results))
        self._dead_lettered += sum(map(len, taken.dead_letters))
        self._skipped += sum(taken.skipped.values())

    def committed(self) -> None:
        """Write the commit's span, where there was something to commit."""
        if self._began is None:
            return
        attributes = {
            "headrace.scored": self._scored,
            "headrace.dead_lettered": self._dead_lettered,
            "headrace.skipped": self._skipped,
        }
        self._tracer.start_span("headrace.commit", attributes=attributes, start_time=self._began).end()
        self._began = None
        self._scored = self._dead_lettered = self._skipped = 0

    def close(self) -> None:
        """End the spans of models without a verdict, unset, as they are."""
        for span in self._lives.values():
            span.end()
        self._lives.clear()

    def _step(self, event: Event) -> None:
        key = (event.slot, event.position)
        span = self._lives.get(key)
        if span is None:
            # What served before is retired long after its verdict: that is no new life.
            if event.kind is State.RETIRED or len(self._lives) >= MOST:
                return
            span = self._lives[key] = self._begin(event)
        span.add_event(str(event.kind), {"reason": event.reason} if event.reason else None, event.at * _MS)
        if event.digest:
            span.set_attribute("headrace.model.digest", event.digest)
        if event.kind in _VERDICTS:
            span.set_attribute("headrace.model.state", str(event.kind))
            if event.kind is State.REJECTED:
                span.set_status(Status(StatusCode.ERROR, event.reason))
            span.end(event.at * _MS)
            del self._lives[key]

    def _begin(self, event: Event) -> Span:
        attributes: dict[str, str | int] = {
            "headrace.model.name": event.name,
            "headrace.model.version": event.version,
            "headrace.position": event.position,
        }
        if event.slot is not None:
            attributes |= {"headrace.data_type": event.slot.data_type, "headrace.slot": event.slot.name}
        return self._tracer.start_span("headrace.model", attributes=attributes, start_time=event.at * _MS)
