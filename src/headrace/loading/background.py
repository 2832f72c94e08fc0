"""The loader: one thread that takes candidates through fetching, checking, assembling and warming.

1. Candidates are worked on one after another, in the order of their submission.
2. The thread outlives every candidate: what nobody foresaw is logged and defers the candidate.
3. ``notify`` is called, from the thread, after each event; it must return at once.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from headrace.abc.loader import Deferred, Loaded, Reached, Rejected, Stage
from headrace.compilation import choose_cache
from headrace.errors import DescriptorError, HeadraceError, LimitError, ModelError
from headrace.loading.airlock import ProcessChecker
from headrace.loading.checking import check, find_format, import_formats, make_example, warm
from headrace.loading.fetching import fetch

if TYPE_CHECKING:
    from headrace.abc.loader import CandidateId, Contents, LoadEvent
    from headrace.loading.checking import Checked, Reach
    from headrace.loading.options import LoadOptions
    from headrace.records import Descriptor

_LOG = logging.getLogger("headrace.loading")


class Checker(Protocol):
    """Checks candidates somewhere: in this process or in another."""

    def start(self) -> None:
        """Get ready in advance."""

    def check(self, content: bytes, descriptor: Descriptor, reach: Reach) -> Checked:
        """Check a candidate; see ``checking.check``."""

    def stop(self) -> None:
        """End the check under way, from another thread, where that is possible."""

    def close(self) -> None:
        """Give back what the checker holds."""


class InlineChecker:
    """Checks candidates in this process: for tests and short programs, and models that are trusted."""

    def __init__(self, options: LoadOptions) -> None:
        self._options = options

    def start(self) -> None:
        """Need nothing in advance."""

    def check(self, content: bytes, descriptor: Descriptor, reach: Reach) -> Checked:
        """Check a candidate; see ``checking.check``."""
        return check(content, descriptor, self._options, reach)

    def stop(self) -> None:
        """Leave the check under way to end by itself."""

    def close(self) -> None:
        """Hold nothing."""


class BackgroundLoader:
    """A ``Loader`` that drives a checker from a thread of its own."""

    def __init__(self, options: LoadOptions, checker: Checker, notify: Callable[[], None] | None = None) -> None:
        self._options, self._checker = options, checker
        self._notify = notify or (lambda: None)
        self._jobs: queue.SimpleQueue[tuple[CandidateId, Descriptor, Contents] | None] = queue.SimpleQueue()
        self._events: deque[LoadEvent] = deque()
        self._told = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="headrace-loader", daemon=True)
        self._thread.start()

    def submit(self, candidate: CandidateId, descriptor: Descriptor, contents: Contents) -> None:
        """Ask for a candidate to be loaded."""
        self._jobs.put((candidate, descriptor, contents))

    def poll(self) -> list[LoadEvent]:
        """Hand out what happened since the last call."""
        with self._told:
            events = list(self._events)
            self._events.clear()
        return events

    def wait(self, timeout: float) -> bool:
        """Wait until ``poll`` has something to give, at most so many seconds."""
        with self._told:
            return self._told.wait_for(lambda: bool(self._events), timeout)

    def close(self) -> None:
        """Stop; a check in a child process is ended, one in this process is waited for."""
        self._closed = True
        self._jobs.put(None)
        self._checker.stop()
        self._thread.join()
        for event in self.poll():
            if isinstance(event, Loaded):
                event.model.close()

    def _run(self) -> None:
        # A child ends with the thread that started it, so this one starts and closes them all.
        choose_cache()
        self._checker.start()
        import_formats(self._options.formats)  # an import holds the interpreter for long: better now than at a switch
        while (job := self._jobs.get()) is not None and not self._closed:
            self._tell(self._load(*job))
        self._checker.close()

    def _tell(self, event: LoadEvent) -> None:
        with self._told:
            self._events.append(event)
            self._told.notify_all()
        self._notify()

    def _load(self, candidate: CandidateId, descriptor: Descriptor, contents: Contents) -> LoadEvent:
        digest = ""
        last: list[Stage] = []

        def reach(stage: Stage) -> None:
            if stage not in last:  # a check that is tried again begins again
                last.append(stage)
                self._tell(Reached(candidate, stage, time.time_ns()))

        try:
            reach(Stage.LOADING)
            content, digest = fetch(descriptor, contents, self._options)
            checked = self._checker.check(content, descriptor, reach)
            return self._assemble(candidate, content, digest, checked)
        except (ModelError, DescriptorError) as error:
            return Rejected(candidate, error, digest)
        except HeadraceError as error:
            return Deferred(candidate, error)
        except MemoryError:
            return Deferred(candidate, LimitError(f"this process lacks the memory for model {descriptor.name!r}"))
        except Exception as error:  # noqa: BLE001 (rule 2)
            _LOG.exception("loading model %r failed in a way that nobody foresaw", descriptor.name)
            return Deferred(candidate, LimitError(f"loading model {descriptor.name!r} failed: {error!r}"))

    def _assemble(self, candidate: CandidateId, content: bytes, digest: str, checked: Checked) -> Loaded:
        begin = time.perf_counter_ns()
        model = find_format(content, checked.format, self._options).assemble(checked.prepared)
        assembled = time.perf_counter_ns()
        warm(model, make_example(model.signature), self._options.warm_rows)
        timings = checked.timings
        return Loaded(
            candidate,
            model,
            checked.format,
            digest,
            timings.load_ns + assembled - begin,
            timings.verify_ns,
            timings.warm_ns + time.perf_counter_ns() - assembled,
            checked.memory,
        )


def open_loader(
    options: LoadOptions, *, in_child: bool = True, notify: Callable[[], None] | None = None
) -> BackgroundLoader:
    """Start a loader that checks candidates in a child process, or in this one."""
    checker = ProcessChecker(options) if in_child else InlineChecker(options)
    return BackgroundLoader(options, checker, notify)
