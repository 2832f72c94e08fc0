"""The Kafka engine: one member of a consumer group around one join.

Rules:

1. The model topic is read to its end, and its models are loaded, before this instance asks for partitions. Models
   outlive sessions in the group.
2. A session begins with what is committed. When it lapses (a transaction fails, the group thinks this instance dead),
   what was not committed is dropped and another session does it again.
3. A partition is given away after a commit, with its progress and statistics, and taken in with both brought back.
4. One thread reads, joins, scores and writes; the client's own threads fetch ahead and send behind it.
5. A stop scores what was read and can be scored, commits, and leaves the group.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headrace.core.join import Join
from headrace.core.statistics import Counts
from headrace.engines.kafka.client import LapseError
from headrace.engines.kafka.session import Session
from headrace.machinery.audience import Audience
from headrace.machinery.bell import Bell
from headrace.machinery.clock import now_ms
from headrace.machinery.intake import Intake
from headrace.machinery.inventory import Inventory
from headrace.machinery.parts import Cadence
from headrace.machinery.summary import Summary
from headrace.machinery.turns import brief_turns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.core.settings import JoinSettings
    from headrace.engines.kafka.parts import Parts

_LOG = logging.getLogger("headrace.engines.kafka")
_PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0)
_SOUND = 30.0
"""After how many seconds a session counts as one that went well."""


class KafkaEngine:
    """Serves models to the records of Kafka topics, together with the other instances of its group.

    Exactly once: each record is in the committed output once, whatever kills any process. At least once: also twice,
    after a crash. An engine runs once.
    """

    def __init__(self, settings: JoinSettings, parts: Parts, cadence: Cadence | None = None) -> None:
        self.cadence = cadence or Cadence()
        self.parts = parts
        self.join = Join(settings, now_ms, time.perf_counter_ns)
        self.session: Session | None = None
        self.counts: dict[str, int] = {}
        self._intake = Intake(parts.models, parts.contents, self.cadence.poll)
        self.inventory = Inventory(self.join.models, replace(parts, models=self._intake), self.cadence.retry)
        self.audience = Audience(parts.observers)
        self._bell = Bell()
        self._counts = Counts()
        self._stopping = False
        self._report: tuple[Mapping[str, Any], ...] = ()

    def report(self) -> Sequence[Mapping[str, Any]]:
        """Tell what serves in each slot and what it did here, as of the last commit; from any thread."""
        return self._report

    def note_report(self, report: tuple[Mapping[str, Any], ...]) -> None:
        """Take note of what is to be told from now on."""
        self._report = report

    def stop(self) -> None:
        """Ask the engine to score what it has, commit and end; from any thread or signal handler, at any time."""
        self._stopping = True
        self._bell.ring()

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked the engine to end."""
        return self._stopping

    def run(self) -> Summary:
        """Serve until ``stop`` is called, or until the topics' end where they are not followed.

        Raises ``SourceError``, ``SinkError`` and ``StateError``; what was committed before stays.
        """
        waiting = 0
        with brief_turns():
            try:
                self._intake.start(self._bell.ring)
                self._intake.resume(-1)
                if self.parts.desk is not None:
                    self.parts.desk.open(self.parts.connection, self.parts.group.name, self.report)
                self._await_models()
                lapses = 0
                done = False
                while not done and not self._stopping:
                    self._bell.wait(_PAUSES[min(lapses, len(_PAUSES) - 1)] if lapses else 0.0)
                    began = time.monotonic()
                    done, waiting = self._serve()
                    lapses = 1 if time.monotonic() - began > _SOUND else lapses + 1
                return Summary(self._counts, waiting, drained=not waiting)
            finally:
                self._close()

    def _await_models(self) -> None:
        """Read the model topic to its end, then load; what is published meanwhile keeps nobody waiting."""
        while not self._stopping and not self.inventory.seen_end:
            if not self.inventory.read():
                self._bell.wait(self.cadence.poll)
        while not self._stopping:
            if not self.inventory.load():
                if not self.join.models.loading:
                    return
                self.parts.loader.wait(self.cadence.poll)

    def _serve(self) -> tuple[bool, int]:
        """Serve for one session; tell whether it ended in order, and how many rows wait."""
        session = self.session = Session(self)
        try:
            session.run()
        except LapseError as lapse:
            _LOG.warning("began again from what is committed: %s", lapse)
            return False, 0
        finally:
            session.close()
            self._counts.add(session.committed)
        return True, session.waiting

    def forget_contents(self) -> None:
        """Forget the bytes of models that nothing names any more."""
        if not self.join.models.loading:
            self._intake.forget_all_but(self.inventory.named())

    def _close(self) -> None:
        """Close every part; one that fails keeps none of the others open."""
        with ExitStack() as parts:
            for candidate in (each for slot in self.join.models.slots.values() for each in slot.live.values()):
                if candidate.model is not None:
                    parts.callback(candidate.model.close)
            for model in self.join.take_closing():
                parts.callback(model.close)
            parts.callback(self._intake.close)
            if self.parts.desk is not None:
                parts.callback(self.parts.desk.close)
            parts.callback(self.parts.loader.close)
