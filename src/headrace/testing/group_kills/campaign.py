"""The campaign: start the instances, kill one, start it again, until the records are done.

1. Half of the kills come at a random moment after the instance is at work, the others at a chosen point within a
   commit, or at last when that is not reached.
2. The instances are fixed members of their group: one that comes back takes its partitions at once, with what it left
   undone. Under another way the dead would hold their partitions until they are missed, and a kill would test nothing.
3. Once all kills are made, the instances are left to come to the end of the records.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from headrace.testing.group_kills.child import POINTS, Life
from headrace.testing.group_kills.instances import PATIENCE, Instances
from headrace.testing.group_kills.publisher import Publisher
from headrace.testing.group_kills.topics import make_topics, wait_for_end, write_records

if TYPE_CHECKING:
    from headrace.testing.group_kills.plan import Plan

LIFE = 0.4
CYCLE = 3.0
"""About how many seconds a life takes: what is left of the records once all kills are made is scored at full speed."""
OFTEN = (1, 5)
PAUSE = 14.0
"""In seconds: longer than the session (10) and the transaction (10) of an instance may last."""
END = 180.0


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

    def run(self) -> Plan:
        """Kill as often as is planned, then let the instances finish; give the plan as it was carried out."""
        chance = random.Random(self.plan.seed)  # noqa: S311 a test's choices
        span = self.plan.kills * CYCLE + self.plan.pauses * PAUSE
        plan, publisher = prepare(self.plan, span, self.plan.instances)
        names = plan.names
        with Instances(plan, self.folder) as instances:
            with publisher.publishing():
                for name in names:
                    instances.start(Life(name))
                for _ in range(plan.pauses):
                    self._pause(instances, chance.choice(names))
                lives = {name: Life(name) for name in names}
                for number in range(plan.kills):
                    name = chance.choice(names)
                    self._kill(instances, lives[name], chance)
                    self.tell(self.toll)
                    point = POINTS[number // 2 % len(POINTS)] if number % 2 == 0 else ""
                    lives[name] = Life(name, f"{point}={chance.randint(*OFTEN)}" if point else "")
                    instances.start(lives[name])
            finish(instances, names)
        return plan

    def _kill(self, instances: Instances, life: Life, chance: random.Random) -> None:
        """Kill an instance: at the point that it was told, or at a random moment if it was told none."""
        at_work = instances.is_at_work(life.instance)
        ended = instances.has_ended(life.instance, PATIENCE if life.told and at_work else chance.random() * LIFE)
        instances.kill(life.instance)
        self.toll.at_points += ended
        self.toll.random += not ended

    def _pause(self, instances: Instances, name: str) -> None:
        """Halt an instance until it is thought dead, and let it go on: what it wrote meanwhile must not count."""
        instances.is_at_work(name)
        instances.pause(name, PAUSE)
        self.toll.pauses += 1


def prepare(plan: Plan, span: float, instances: int) -> tuple[Plan, Publisher]:
    """Make topics, write the records, publish the first model; give the plan as it is to be carried out.

    The records last ``span`` seconds where so many instances score at once; 0: as long as they take.
    """
    plan = msgspec.structs.replace(plan, rate=plan.records / span / instances if span else 0.0)
    make_topics(plan)
    write_records(plan)
    publisher = Publisher(plan)
    publisher.publish()
    return plan, publisher


def finish(instances: Instances, names: list[str]) -> None:
    """Start the instances anew, and let them come to the end of the records as fast as they can."""
    for name in names:
        instances.kill(name)
        instances.start(Life(name, last=True))
    wait_for_end(instances.plan, END, instances.check)
    for name in names:
        instances.kill(name)
