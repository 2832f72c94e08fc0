"""Chosen points at which a process kills itself, as SIGKILL would from outside: nothing is flushed, nothing is closed.

The points lie around the parts, never in them: sinks and state are wrapped, and the moment between writing a file and
renaming it is told by the interpreter's audit events.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from headrace.abc.sink import TwoStepSink
from headrace.core.states import State

if TYPE_CHECKING:
    from headrace.abc.sink import Place, Sink
    from headrace.abc.store import StateStore
    from headrace.core.events import Event

POINTS = (
    "results durable",
    "state saved",
    "results taken back",
    "results written",
    "dead letters written",
    "results to be durable",
    "dead letters durable",
    "state to be renamed",
    "state renamed",
    "model switched",
)
Written = TypeVar("Written")


class Fuse:
    """Kills the process at the n-th time that it reaches a point; it is told "point=n", or nothing."""

    def __init__(self, told: str) -> None:
        point, _, count = told.rpartition("=")
        self._point, self._left = point, int(count or 0)
        self._lock = threading.Lock()

    def reach(self, point: str) -> None:
        """Come to a point, from any thread."""
        if point != self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch_renames(self, name: str) -> None:
        """Tell of the moments before and after a file of this name is put in place."""
        renamed = threading.Event()

        def hear(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "os.rename" and str(arguments[1]).endswith(name):
                renamed.set()
                self.reach("state to be renamed")
            elif event == "open" and renamed.is_set() and threading.current_thread().name.startswith("headrace-commit"):
                renamed.clear()
                self.reach("state renamed")

        sys.addaudithook(hear)


class FusedSink(Generic[Written]):
    """A sink whose every step is a point, but for commits of nothing; ``name`` tells which sink it is."""

    def __init__(self, sink: Sink[Written], fuse: Fuse, name: str) -> None:
        self._sink, self._fuse, self._name = sink, fuse, name
        self._written = False

    @property
    def exactly_once(self) -> bool:
        """Whether the sink within is."""
        return self._sink.exactly_once

    def recover(self, place: Place | None) -> None:
        """Go back."""
        self._sink.recover(place)
        self._fuse.reach(f"{self._name} taken back")

    def write(self, written: Written) -> None:
        """Write."""
        self._sink.write(written)
        self._written = True
        self._fuse.reach(f"{self._name} written")

    def commit(self) -> Place:
        """Commit."""
        return self.begin_commit()()

    def begin_commit(self) -> Callable[[], Place]:
        """Commit in two steps, or in one where the sink within has no two."""
        sink = self._sink
        finish = sink.begin_commit() if isinstance(sink, TwoStepSink) else sink.commit
        if not self._written:
            return finish
        self._written = False
        self._fuse.reach(f"{self._name} to be durable")

        def commit() -> Place:
            place = finish()
            self._fuse.reach(f"{self._name} durable")
            return place

        return commit

    def close(self) -> None:
        """Close."""
        self._sink.close()


class LeakySink(Generic[Written]):
    """What a sink is without the promise: it holds back, names no place, and takes nothing back."""

    def __init__(self, sink: Sink[Written], held: int) -> None:
        self._sink, self._most = sink, held
        self._held: list[Written] = []
        self.exactly_once = False

    def recover(self, place: Place | None) -> None:  # noqa: ARG002
        """Go on at the end of what is there."""
        self._sink.recover(None)

    def write(self, written: Written) -> None:
        """Hold back, and pass on now and then."""
        self._held.append(written)
        if len(self._held) >= self._most:
            self._pass_on()

    def commit(self) -> Mapping[str, object]:
        """Say that all is durable."""
        return {}

    def close(self) -> None:
        """Pass on what is left."""
        self._pass_on()
        self._sink.close()

    def _pass_on(self) -> None:
        for written in self._held:
            self._sink.write(written)
        self._held.clear()


class FusedState:
    """A state store whose saving is a point."""

    def __init__(self, state: StateStore, fuse: Fuse) -> None:
        self._state, self._fuse = state, fuse

    def load(self) -> bytes | None:
        """Load."""
        return self._state.load()

    def save(self, document: bytes) -> None:
        """Save."""
        self._state.save(document)
        self._fuse.reach("state saved")

    def close(self) -> None:
        """Close."""
        self._state.close()


class FusedObserver:
    """Tells when a model has switched and nothing of it is committed yet; says once that the engine is at work."""

    def __init__(self, fuse: Fuse, at_work: Callable[[], None]) -> None:
        self._fuse, self._tell = fuse, at_work
        self._at_work = False

    def happened(self, events: Sequence[object]) -> None:
        """Look for switches."""
        if any(cast("Event", event).kind is State.SERVING for event in events):
            self._fuse.reach("model switched")

    def advanced(self, outcome: object) -> None:  # noqa: ARG002
        """Say that there is work to be killed in."""
        if not self._at_work:
            self._at_work = True
            self._tell()

    def committed(self) -> None:
        """Need nothing."""
