"""The embedded engine: two inlets, one join, one loop.

Rules:

1. One thread reads records, joins, scores and writes. The model stream, loading, saving and the decoding of large
   batches have threads of their own. What the join does not want is not read: that is the back-pressure.
2. At start the state is brought back, then the model stream is read to its end and its models are loaded, then records
   are read.
3. Results are written before they are committed, and committed together with the positions they came from.
4. A stop drains what was read and can be scored, commits, and closes.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.core.join import Join
from headrace.engines.embedded.lane import Lane
from headrace.engines.embedded.ledger import Ledger
from headrace.machinery.audience import Audience
from headrace.machinery.bell import Bell
from headrace.machinery.clock import now_ms
from headrace.machinery.intake import Intake
from headrace.machinery.inventory import Inventory
from headrace.machinery.parts import Cadence
from headrace.machinery.summary import Summary
from headrace.machinery.turns import brief_turns

if TYPE_CHECKING:
    from headrace.core.join import Outcome
    from headrace.core.settings import JoinSettings
    from headrace.engines.embedded.parts import Parts


class EmbeddedEngine:
    """Serves models to records within this process.

    With a state and replayable sources every record is in the outputs exactly once, whatever kills the process; without
    a state, at most once after a crash for what was read and not written. An engine runs once.
    """

    def __init__(self, settings: JoinSettings, parts: Parts, cadence: Cadence | None = None) -> None:
        self.cadence = cadence or Cadence()
        self.parts = parts
        self.join = Join(settings, now_ms, time.perf_counter_ns)
        self._ledger = Ledger(self.join, parts, now_ms)
        self._intake = Intake(parts.models, parts.contents, self.cadence.poll)
        self._inventory = Inventory(self.join.models, replace(parts, models=self._intake), self.cadence.retry)
        self._audience = Audience(parts.observers)
        self._bell = Bell()
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="headrace-decode")
        self._lanes = [
            Lane(inlet, partition, self._decoder, self._bell.ring)
            for inlet in parts.inlets
            for partition in inlet.source.partitions
        ]
        self._stopping = False
        self._dirty = False
        self._commit_at = 0.0
        self._committed: set[str] = set()

    def stop(self) -> None:
        """Ask the loop to drain, commit and end; from any thread or signal handler, at any time."""
        self._stopping = True
        self._bell.ring()

    def run(self) -> Summary:
        """Serve until the sources are exhausted or ``stop`` is called.

        Raises ``StateError``, ``SourceError`` and ``SinkError``; what was committed before stays.
        """
        with brief_turns():
            try:
                self._start()
                while not self._stopping and not self._finished():
                    if not self._step():
                        self._wait()
                return self._drain()
            finally:
                self._close()

    def _start(self) -> None:
        self._ledger.recover()
        self._intake.start(self._bell.ring)
        self._intake.resume(self.join.models.position)
        self._await_models()
        for lane in self._lanes:
            lane.resume(self.join.assign(lane.key).done)
        for inlet in self.parts.inlets:
            inlet.source.start(self._bell.ring)
        self._commit_at = time.monotonic() + self.cadence.commit

    def _await_models(self) -> None:
        """Read the model stream to its end, then load; what is published meanwhile keeps nobody waiting."""
        while not self._stopping and not self._inventory.seen_end:
            if not self._inventory.read():
                self._bell.wait(self.cadence.poll)
            self._tell()
        while not self._stopping:
            moved = self._inventory.load()
            self._tell()
            if not moved and not self.join.models.loading:
                return
            if not moved:
                self.parts.loader.wait(self.cadence.poll)

    def _step(self) -> bool:
        """Do one round: models, records, scoring, writing; tell whether anything moved."""
        moved = self._inventory.poll()
        for lane in self._lanes:
            moved |= lane.move(self.join, self.cadence.batch_records)
        moved |= self._score()
        self._tell()
        self._keep_up()
        return moved

    def _score(self) -> bool:
        outcome = self.join.advance()
        if outcome:
            self._write(outcome)
            self._dirty = True
        for model in self.join.take_closing():
            model.close()
        return bool(outcome)

    def _write(self, outcome: Outcome) -> None:
        for results in outcome.results:
            self.parts.results.write(results)
        for letters in outcome.dead_letters:
            self.parts.dead_letters.write(letters)
        self._audience.tell(lambda observer: observer.advanced(outcome))

    def _tell(self) -> None:
        events = self.join.models.events()
        if events:
            self._dirty = True
            self._audience.tell(lambda observer: observer.happened(events))

    def _keep_up(self) -> None:
        """Begin a commit when one is due, and end the one under way when it is done."""
        if self._ledger.busy:
            return
        self._end_commit()
        if self._dirty and time.monotonic() >= self._commit_at:
            self._begin_commit()

    def _begin_commit(self) -> None:
        self._ledger.begin()
        self._committed = self._inventory.named()
        self._audience.hold()
        self._dirty = False
        self._commit_at = time.monotonic() + self.cadence.commit

    def _end_commit(self) -> None:
        if not self._ledger.finish():
            return
        self._audience.release()
        if not self.join.models.loading:  # a load may be keeping bytes that no candidate names yet
            self._intake.forget_all_but(self._inventory.named() | self._committed)

    def _wait(self) -> None:
        timeout = self.cadence.poll
        if self._dirty:
            timeout = min(timeout, self._commit_at - time.monotonic())
        self._bell.wait(timeout)

    def _finished(self) -> bool:
        if self.join.models.loading or not all(lane.finished for lane in self._lanes):
            return False
        return not self.join.blocked or self._inventory.ended

    def _drain(self) -> Summary:
        for lane in self._lanes:
            lane.hand_over(self.join)
        while self._score():
            pass
        self._tell()
        self._end_commit()
        self._begin_commit()
        self._end_commit()
        waiting = sum(partition.waiting for partition in self.join.partitions.values())
        return Summary(self.join.totals(), waiting, drained=not waiting)

    def _close(self) -> None:
        """Close every part, the state last; one that fails keeps none of the others open."""
        with ExitStack() as parts:
            if self.parts.state is not None:
                parts.callback(self.parts.state.close)
            for candidate in (each for slot in self.join.models.slots.values() for each in slot.live.values()):
                if candidate.model is not None:
                    parts.callback(candidate.model.close)
            for model in self.join.take_closing():
                parts.callback(model.close)
            parts.callback(self.parts.dead_letters.close)
            parts.callback(self.parts.results.close)
            for inlet in self.parts.inlets:
                parts.callback(inlet.source.close)
            parts.callback(self._intake.close)
            parts.callback(self.parts.loader.close)
            parts.callback(self._ledger.close)
            parts.callback(self._decoder.shutdown)
