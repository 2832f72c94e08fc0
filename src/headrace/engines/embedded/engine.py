"""The embedded engine: two inlets, one join, one loop.

Rules:

1. One thread reads, joins, scores and writes; loading happens elsewhere. What the join does not want is not read: that
   is the back-pressure.
2. At start the state is brought back, then the model stream is read to its end and its models are loaded, then records
   are read.
3. Results are written before they are committed, and committed together with the positions they came from.
4. A stop drains what was read and can be scored, commits, and closes.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from headrace.core.join import Join
from headrace.engines.embedded.inventory import Inventory
from headrace.engines.embedded.ledger import Ledger
from headrace.engines.embedded.parts import Cadence
from headrace.engines.embedded.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.core.join import Outcome
    from headrace.core.partition import PartitionKey
    from headrace.core.settings import JoinSettings
    from headrace.engines.embedded.parts import Inlet, Parts


def now_ms() -> int:
    """Give the time of day in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class EmbeddedEngine:
    """Serves models to records within this process.

    With a state and replayable sources every record is in the outputs exactly once, whatever kills the process; without
    a state, at most once after a crash for what was read and not written.
    """

    def __init__(self, settings: JoinSettings, parts: Parts, cadence: Cadence | None = None) -> None:
        self.cadence = cadence or Cadence()
        self.parts = parts
        self.join = Join(settings, now_ms, time.perf_counter_ns)
        self._ledger = Ledger(self.join, parts, now_ms)
        self._inventory = Inventory(self.join.models, parts, self.cadence.retry)
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._dirty = False
        self._commit_at = 0.0

    def stop(self) -> None:
        """Ask the loop to drain, commit and end; from any thread or signal handler."""
        self._stop.set()
        self._wake.set()

    def run(self) -> Summary:
        """Serve until the sources are exhausted or ``stop`` is called.

        Raises ``StateError``, ``SourceError`` and ``SinkError``; what was committed before stays.
        """
        try:
            self._start()
            while not self._stop.is_set() and not self._finished():
                self._wake.clear()
                if not self.step():
                    self._wait()
            return self._drain()
        finally:
            self._close()

    def step(self) -> bool:
        """Do one round: models, records, scoring, writing; tell whether anything moved."""
        moved = self._inventory.poll()
        moved |= self._read()
        moved |= self._score()
        self._tell()
        if self._dirty and time.monotonic() >= self._commit_at:
            self._commit()
        return moved

    def _start(self) -> None:
        self._ledger.recover()
        self.parts.models.start(self._wake.set)
        self.parts.models.resume(self.join.models.position)
        self._await_models()
        for inlet, partition, key in self._lanes():
            inlet.source.resume(partition, self.join.assign(key).done)
        for inlet in self.parts.inlets:
            inlet.source.start(self._wake.set)
        self._commit_at = time.monotonic() + self.cadence.commit

    def _await_models(self) -> None:
        while not self._stop.is_set():
            moved = self._inventory.poll()
            self._tell()
            if not moved and not self.join.models.loading:
                return
            if not moved:
                self.parts.loader.wait(self.cadence.poll)

    def _lanes(self) -> Iterator[tuple[Inlet, int, PartitionKey]]:
        for inlet in self.parts.inlets:
            for partition in inlet.source.partitions:
                yield inlet, partition, (inlet.source.name, partition)

    def _read(self) -> bool:
        moved = False
        for inlet, partition, key in self._lanes():
            if not self.join.wants(key):
                continue
            raw = inlet.source.read(partition, self.cadence.batch_records)
            if raw is not None and len(raw):
                self.join.offer(inlet.codec.decode(raw))
                moved = True
            elif inlet.source.exhausted(partition):
                self.join.finish(key)
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
        for observer in self.parts.observers:
            observer.advanced(outcome)

    def _tell(self) -> None:
        events = self.join.models.events()
        if events:
            self._dirty = True
            for observer in self.parts.observers:
                observer.happened(events)

    def _commit(self) -> None:
        self._ledger.commit()
        self._inventory.forget()
        self._dirty = False
        self._commit_at = time.monotonic() + self.cadence.commit
        for observer in self.parts.observers:
            observer.committed()

    def _wait(self) -> None:
        timeout = self.cadence.poll
        if self._dirty:
            timeout = min(timeout, max(0.0, self._commit_at - time.monotonic()))
        self._wake.wait(timeout)

    def _finished(self) -> bool:
        if any(not inlet.source.exhausted(partition) for inlet, partition, _ in self._lanes()):
            return False
        if self.join.models.loading:
            return False
        return not self.join.blocked or self._inventory.ended

    def _drain(self) -> Summary:
        while self._score():
            pass
        self._tell()
        self._commit()
        waiting = sum(partition.waiting for partition in self.join.partitions.values())
        return Summary(self.join.totals(), waiting, drained=not waiting)

    def _close(self) -> None:
        self.parts.loader.close()
        for inlet in self.parts.inlets:
            inlet.source.close()
        self.parts.models.close()
        self.parts.results.close()
        self.parts.dead_letters.close()
        for candidate in (each for slot in self.join.models.slots.values() for each in slot.live.values()):
            if candidate.model is not None:
                candidate.model.close()
        if self.parts.state is not None:
            self.parts.state.close()
