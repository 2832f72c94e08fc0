"""The broker goes away under load, killed (SIGKILL) and stopped (SIGTERM) in turn, and comes back with its data."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, TopicPartition

from headrace.errors import HeadraceError
from headrace.testing.group_kills.campaign import finish, prepare
from headrace.testing.group_kills.child import Life
from headrace.testing.group_kills.instances import Instances

if TYPE_CHECKING:
    from headrace.testing.broker import Broker
    from headrace.testing.group_kills.plan import Plan

CYCLE = 20.0
"""About how many seconds one loss takes: so long the records have to last."""
LIFE = 2.0
PATIENCE = 120.0


@dataclass(slots=True)
class BrokerLosses:
    """Runs a plan through so many losses; ``waits`` are the seconds from the broker's return to the next commit."""

    plan: Plan
    broker: Broker
    folder: Path
    times: int
    tell: Callable[[int], None] = lambda _: None
    waits: list[float] = field(default_factory=list)

    def run(self) -> Plan:
        """Lose the broker as often as is planned, then let the instances finish; give the plan as carried out."""
        chance = random.Random(self.plan.seed)  # noqa: S311 a test's choices
        plan, publisher = prepare(self.plan, self.times * CYCLE, self.plan.instances)
        names = plan.names
        with Instances(plan, self.folder) as instances:
            with publisher.publishing():
                for name in names:
                    instances.start(Life(name))
                for name in names:
                    instances.is_at_work(name)
                for number in range(self.times):
                    time.sleep(chance.random() * LIFE)
                    done = self._count_committed()
                    (self.broker.stop if number % 2 else self.broker.kill)()
                    self.broker.start()
                    self._await_more(done, instances)
                    self.tell(number + 1)
            finish(instances, names)
        return plan

    def _await_more(self, done: int, instances: Instances) -> None:
        """Wait for the next commit."""
        back = time.monotonic()
        while self._count_committed() <= done:
            instances.check()
            if time.monotonic() > back + PATIENCE:
                message = f"nothing was committed within {PATIENCE:g} s of the broker's return: something is stuck"
                raise HeadraceError(message)
            time.sleep(0.1)
        self.waits.append(time.monotonic() - back)

    def _count_committed(self) -> int:
        """Add up the group's offsets; 0 while the broker does not tell."""
        asker = Consumer({"bootstrap.servers": self.plan.bootstrap, "group.id": self.plan.group})
        places = [TopicPartition(self.plan.topic("records"), number) for number in range(self.plan.partitions)]
        try:
            with suppress(KafkaException):
                return sum(max(0, each.offset) for each in asker.committed(places, timeout=10))
            return 0
        finally:
            asker.close()
