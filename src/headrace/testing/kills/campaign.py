"""The campaign: start, kill, start again, until the records are done.

1. Half of the kills come at a random moment after the engine is at work, the others at a chosen point within it.
2. While it is to be killed the engine gets its records at a rate at which they last for all the kills; in the modes
   that switch by time the records' own times do that.
3. The last start is left to finish.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from headrace.engines.embedded.ledger import decode_committed
from headrace.errors import HeadraceError
from headrace.records import SwitchMode
from headrace.stores.state import read_state
from headrace.testing.kills.plan import write_records
from headrace.testing.kills.points import POINTS, VARIABLE
from headrace.testing.kills.publisher import Publisher

if TYPE_CHECKING:
    from headrace.testing.kills.plan import Plan

LIFE = 0.3
START = 1.2
PATIENCE = 60.0
OFTEN = (1, 6)
TIMES = {"results taken back": (1, 1), "model switched": (2, 2)}


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

    def run(self) -> Plan:
        """Kill as often as is planned, then let the engine finish; give the plan as it was carried out."""
        publisher = Publisher(self._plan)
        first = publisher.publish()
        rate = 0.0
        if self._plan.mode is SwitchMode.READY:
            rate = max(200.0, 1.5 * self._plan.records / max(1, self._plan.kills) / LIFE)
        span = int(1_000 * (LIFE + START) * (self._plan.kills + 1))
        plan = self._plan = msgspec.structs.replace(self._plan, begin=first + 1, span=span, rate=rate)
        plan.save()
        write_records(plan)
        with publisher.publishing():
            for number in range(plan.kills):
                if not self._live(POINTS[number // 2 % len(POINTS)] if number % 2 else ""):
                    break
                self._tell(self.toll)
        self._finish()
        return plan

    def _live(self, point: str) -> bool:
        """Start the engine and kill it: at a point, or at a random moment if it has none; False where it was done."""
        environment = {VARIABLE: f"{point}={self._random.randint(*TIMES.get(point, OFTEN))}"} if point else {}
        with self._start(environment) as child:
            assert child.stdout is not None
            at_work = child.stdout.readline() == b"at work\n"
            try:
                child.wait(self._random.random() * LIFE if at_work and not point else PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
            ended = child.wait()
        if ended > 0:
            self._fail(child)
        if ended == 0:
            return False
        self.toll.at_points += bool(point)
        self.toll.random += not point
        self.toll.taken_back += self._left_over()
        return True

    def _left_over(self) -> bool:
        """Tell whether the file of results goes on beyond what was committed."""
        document = read_state(self._plan.state)
        committed = 0 if document is None else decode_committed(document).results.get("length", 0)
        return self._plan.results.exists() and self._plan.results.stat().st_size > committed

    def _finish(self) -> None:
        with self._start({}, "--last") as child:
            if child.wait():
                self._fail(child)

    def _start(self, environment: dict[str, str], *options: str) -> subprocess.Popen[bytes]:
        # Modules that are compiled anew at every start would take longer than all that is to be seen.
        environment |= {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        command = [sys.executable, "-m", "headrace.testing.kills.child", self._plan.folder, *options]
        errors = (self._plan.path / "errors.txt").open("wb")
        with errors:
            return subprocess.Popen(  # noqa: S603 this interpreter, with a module of ours
                command, env=environment, stdout=subprocess.PIPE, stderr=errors
            )

    def _fail(self, child: subprocess.Popen[bytes]) -> None:
        words = (self._plan.path / "errors.txt").read_text(errors="replace")[-2_000:]
        message = f"the engine ended by itself with {child.returncode}, before it was killed: {words}"
        raise HeadraceError(message)
