"""The campaign: start, kill, start again, until the records are done.

1. Half of the kills come at a random moment after the engine is at work, the others at a chosen point within it, or at
   last when that is not reached.
2. Each life has its share of the records and waits for more once it has done them, so that it ends by no other way than
   the kill. The share comes at a rate at which it lasts for the life; in the modes that switch by time the records' own
   times do that.
3. The last start is left to finish.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from headrace import catalog
from headrace.engines.embedded.ledger import decode_committed
from headrace.errors import HeadraceError
from headrace.records import SwitchMode
from headrace.stores.state import read_state
from headrace.testing.kills.child import run
from headrace.testing.kills.plan import write_records
from headrace.testing.kills.points import POINTS
from headrace.testing.kills.publisher import Publisher

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

    from headrace.testing.kills.plan import Plan

LIFE = 0.3
START = 0.4
PATIENCE = 5.0
AT_START, AT_WORK = 1, 3
OFTEN = (1, 4)
TIMES = {"results durable": (1, 1), "results taken back": (1, 1), "model switched": (2, 2)}


@dataclass(slots=True)
class Toll:
    """What a campaign did: kills at random moments and at points, and how many of them left work to take back."""

    random: int = 0
    at_points: int = 0
    taken_back: int = 0

    @property
    def kills(self) -> int:
        """How often the engine was killed."""
        return self.random + self.at_points


class Campaign:
    """Runs a plan in its folder; ``tell`` is told of every kill."""

    def __init__(self, plan: Plan, tell: Callable[[Toll], None]) -> None:
        self._plan = plan
        self._tell = tell
        self._random = random.Random(plan.seed)  # noqa: S311 a test's choices
        self.toll = Toll()
        # Each engine is a fresh process, forked from one that has imported everything: a start then costs little.
        self._context = multiprocessing.get_context("forkserver")
        formats = [entry.target.partition(":")[0] for entry in catalog.ENTRIES["format"].values()]
        # pyarrow asks for pandas where it is installed, and that takes longer than all the rest of a start.
        self._context.set_forkserver_preload([run.__module__, "pandas", *formats])

    def run(self) -> Plan:
        """Kill as often as is planned, then let the engine finish; give the plan as it was carried out."""
        publisher = Publisher(self._plan)
        first = publisher.publish()
        rate = 0.0
        if self._plan.mode is SwitchMode.READY:
            rate = max(200.0, self._plan.records / (self._plan.kills + 1) / LIFE)
        span = int(1_000 * (LIFE + START) * (self._plan.kills + 1))
        plan = self._plan = msgspec.structs.replace(self._plan, begin=first + 1, span=span, rate=rate)
        plan.save()
        write_records(plan)
        with publisher.publishing():
            for number in range(plan.kills):
                self._live(publisher, number, POINTS[number // 2 % len(POINTS)] if number % 2 else "")
                self._tell(self.toll)
        self._finish()
        return plan

    def _live(self, publisher: Publisher, number: int, point: str) -> None:
        """Start the engine and kill it: at a point, or at a random moment if it has none."""
        told = f"{point}={self._random.randint(*TIMES.get(point, OFTEN))}" if point else ""
        publisher.grant(AT_START)
        child, at_work = self._start(told, number + 1)
        publisher.grant(AT_WORK)
        child.join(self._random.random() * LIFE if at_work and not point else PATIENCE)
        if child.exitcode is None:
            child.kill()
            point = ""
        self._await_end(child, -signal.SIGKILL)
        self.toll.at_points += bool(point)
        self.toll.random += not point
        self.toll.taken_back += self._left_over()

    def _left_over(self) -> bool:
        """Tell whether the file of results goes on beyond what was committed."""
        document = read_state(self._plan.state)
        committed = 0 if document is None else decode_committed(document).results.get("length", 0)
        return self._plan.results.exists() and self._plan.results.stat().st_size > committed

    def _finish(self) -> None:
        child, _ = self._start("", self._plan.kills + 1)
        self._await_end(child, 0)

    def _start(self, told: str, life: int) -> tuple[ForkServerProcess, bool]:
        """Start an engine in one of its lives, from 1, and tell whether it came to work before it ended."""
        heard, says = self._context.Pipe(duplex=False)
        child = self._context.Process(target=run, args=(self._plan.folder, told, says, life))
        child.start()
        says.close()
        try:
            heard.recv_bytes()
        except EOFError:
            return child, False
        finally:
            heard.close()
        return child, True

    def _await_end(self, child: ForkServerProcess, expected: int) -> None:
        """Wait for the end. Raises ``HeadraceError`` for another one than was expected."""
        child.join()
        if child.exitcode != expected:
            words = self._plan.errors.read_text() if self._plan.errors.exists() else ""
            message = f"the engine ended with {child.exitcode}, and not with {expected}: {words}"
            raise HeadraceError(message)
