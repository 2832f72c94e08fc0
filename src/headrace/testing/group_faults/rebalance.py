"""Instances join and leave while models switch.

Those that come learn of models late, so that they are given partitions whose last results are of a model that they do
not know yet. Where the state is kept apart, as a control, they cannot know that, and positions fall.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.testing.group_kills.campaign import END, prepare
from headrace.testing.group_kills.child import Life
from headrace.testing.group_kills.instances import Instances
from headrace.testing.group_kills.publisher import INTERVAL
from headrace.testing.group_kills.topics import wait_for_end

if TYPE_CHECKING:
    from headrace.testing.group_kills.plan import Plan

EVERY = 2.0
"""Seconds between one instance's coming or going and the next."""
LATE = 3.0


@dataclass(slots=True)
class Rebalances:
    """Runs a plan through so many publications; ``joins`` counts the instances that came, scored and left."""

    plan: Plan
    folder: Path
    switches: int
    tell: Callable[[int], None] = lambda _: None
    joins: int = 0
    published: int = 0

    def run(self) -> Plan:
        """Come and go until as many models are published as planned, then let the instances finish."""
        span = self.switches * INTERVAL + EVERY
        plan, publisher = prepare(self.plan, span, self.plan.instances + 1)
        names = plan.names
        with Instances(plan, self.folder) as instances:
            for name in names:
                instances.start(Life(name, fixed=False))
            for name in names:
                instances.is_at_work(name)
            with publisher.publishing():
                while publisher.published < self.switches:
                    comes = f"comes-{publisher.published}"
                    instances.start(Life(comes, fixed=False, late=LATE))
                    self.joins += instances.is_at_work(comes)
                    time.sleep(EVERY)
                    instances.leave(comes)
                    time.sleep(EVERY)
                    self.published = publisher.published
                    self.tell(self.published)
            for name in names:
                instances.leave(name)
                instances.start(Life(name, last=True, fixed=False))
            wait_for_end(plan, END, instances.check)
            for name in names:
                instances.leave(name)
        return plan
