"""The campaign: start the instances, kill one, start it again, until the records are done.

1. Half of the kills come at a random moment after the instance is at work, the others at a chosen point within a
   commit, or at last when that is not reached.
2. The instances are fixed members of their group: one that comes back takes its partitions at once, with what it left
   undone. Under another way the dead would hold their partitions until they are missed, and a kill would test nothing.
3. Once all kills are made, the instances are left to come to the end of the records.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from headrace import catalog
from headrace.errors import HeadraceError
from headrace.testing.group_kills.child import POINTS, run
from headrace.testing.group_kills.publisher import Publisher
from headrace.testing.group_kills.topics import make_topics, wait_for_end, write_records

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess

    from headrace.testing.group_kills.plan import Plan

LIFE = 0.4
CYCLE = 3.0
"""About how many seconds a life takes: what is left of the records once all kills are made is scored at full speed."""
PATIENCE = 15.0
OFTEN = (1, 5)
PAUSE = 14.0
"""In seconds: longer than the session (10) and the transaction (10) of an instance may last."""
END = 180.0
_CONTEXT = multiprocessing.get_context("forkserver")


@dataclass(slots=True)
class Toll:
    """What a campaign did."""

    random: int = 0
    at_points: int = 0
    pauses: int = 0

    @property
    def kills(self) -> int:
        """How often an instance was killed."""
        return self.random + self.at_points


@dataclass(slots=True)
class Campaign:
    """Runs a plan; ``tell`` is told of every kill, ``folder`` holds what instances say that end by themselves."""

    plan: Plan
    folder: Path
    tell: Callable[[Toll], None]
    toll: Toll = field(default_factory=Toll)
    _lives: dict[str, tuple[ForkServerProcess, Connection]] = field(default_factory=dict)
    _points: dict[str, str] = field(default_factory=dict)

    def run(self) -> Plan:
        """Kill as often as is planned, then let the instances finish; give the plan as it was carried out."""
        chance = random.Random(self.plan.seed)  # noqa: S311 a test's choices
        # Each instance is a fresh process, forked from one that has imported everything: a start then costs little.
        # pyarrow asks for pandas where it is installed, which takes longer than all the rest.
        formats = [entry.target.partition(":")[0] for entry in catalog.ENTRIES["format"].values()]
        _CONTEXT.set_forkserver_preload([run.__module__, "pandas", *formats])
        span = self.plan.kills * CYCLE + self.plan.pauses * PAUSE
        rate = 0.0 if not span else self.plan.records / span / self.plan.instances
        plan = self.plan = msgspec.structs.replace(self.plan, rate=rate)
        make_topics(plan)
        write_records(plan)
        publisher = Publisher(plan)
        publisher.publish()
        names = [f"instance-{number}" for number in range(plan.instances)]
        with ExitStack() as ended:
            ended.callback(self._end)
            with publisher.publishing():
                for name in names:
                    self._start(name, "")
                for _ in range(plan.pauses):
                    self._pause(chance.choice(names))
                for number in range(plan.kills):
                    name = chance.choice(names)
                    self._kill(name, chance)
                    self.tell(self.toll)
                    point = POINTS[number // 2 % len(POINTS)] if number % 2 == 0 else ""
                    self._start(name, f"{point}={chance.randint(*OFTEN)}" if point else "")
            for name in names:
                self._stop(name)
                self._start(name, "", last=True)
            wait_for_end(plan, END, self._check)
            for name in names:
                self._stop(name)
        return plan

    def _kill(self, name: str, chance: random.Random) -> None:
        """Kill an instance: at the point that it was told, or at a random moment if it was told none."""
        process, pipe = self._lives[name]
        at_work = pipe.poll(PATIENCE)
        process.join(PATIENCE if self._points[name] and at_work else chance.random() * LIFE)
        self._check(name)
        at_point = process.exitcode is not None
        process.kill()
        process.join()
        self.toll.at_points += at_point
        self.toll.random += not at_point

    def _pause(self, name: str) -> None:
        """Halt an instance until it is thought dead, and let it go on: what it wrote meanwhile must not count."""
        process, pipe = self._lives[name]
        pipe.poll(PATIENCE)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        try:
            time.sleep(PAUSE)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        self.toll.pauses += 1

    def _start(self, name: str, told: str, *, last: bool = False) -> None:
        heard, says = _CONTEXT.Pipe(duplex=False)
        errors = str(self.folder / f"{name}.txt")
        process = _CONTEXT.Process(target=run, args=(self.plan, name, told, errors, says), kwargs={"last": last})
        process.start()
        says.close()
        self._lives[name], self._points[name] = (process, heard), told

    def _check(self, name: str = "") -> None:
        """Raise ``HeadraceError`` for an instance that ended by itself."""
        for each, (process, _) in self._lives.items():
            if name in {"", each} and process.exitcode not in {None, -signal.SIGKILL}:
                file = self.folder / f"{each}.txt"
                words = file.read_text(encoding="utf-8") if file.exists() else ""
                message = f"{each} ended by itself with {process.exitcode}, before it was killed: {words}"
                raise HeadraceError(message)

    def _stop(self, name: str) -> None:
        """Kill an instance that has nothing to do any more, or that is to start again as the last one."""
        process, _ = self._lives[name]
        process.kill()
        process.join()

    def _end(self) -> None:
        for process, pipe in self._lives.values():
            if process.exitcode is None:
                process.kill()
            process.join()
            pipe.close()
