"""An instance that keeps nothing is started again and again, over a state that Kafka compacts meanwhile.

Every life scores a share of the records and ends, killed or in good order; the next one has nothing but the topics. Had
any restore lost or doubled anything, the statistics would not be those of the whole output at the end. Where each life
keeps a state of its own, as a control, they are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, TopicPartition

from headrace.testing.group_kills.campaign import END
from headrace.testing.group_kills.child import Life
from headrace.testing.group_kills.instances import Instances
from headrace.testing.group_kills.publisher import Publisher
from headrace.testing.group_kills.topics import make_topics, read_topic, wait_for_end, write_records
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import Plan as TopicPlan
from headrace.transports.kafka.topics import make_topic

if TYPE_CHECKING:
    from headrace.testing.group_kills.plan import Plan

COMPACTED = {
    "cleanup.policy": "compact",
    "segment.ms": "500",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "500",
    "delete.retention.ms": "500",
}
"""How the state is kept here: compacted as soon and as often as the broker can."""


@dataclass(slots=True)
class Restores:
    """Runs a plan through so many lives; ``compacted`` counts the messages of the state that are gone at the end."""

    plan: Plan
    folder: Path
    times: int
    tell: Callable[[int], None] = lambda _: None
    compacted: int = 0

    @property
    def last(self) -> str:
        """Name the last life."""
        return self._name(self.times - 1)

    def run(self) -> Plan:
        """Live, end, and begin again."""
        plan = self.plan
        make_topics(plan)
        connection = Connection(ClientSettings({"bootstrap.servers": plan.bootstrap}))
        make_topic(connection, TopicPlan(plan.state(self.last), plan.partitions, 1, COMPACTED))
        publisher = Publisher(plan)
        publisher.publish()
        with Instances(plan, self.folder) as instances:
            for number in range(self.times):
                share = number, self.times
                write_records(plan, share)
                publisher.publish()
                instances.start(Life(self._name(number), last=True, fixed=False))
                wait_for_end(plan, END, instances.check, share)
                (instances.kill if number % 2 else instances.leave)(self._name(number))
                self.tell(number + 1)
        self.compacted = self._count_compacted()
        return plan

    def _name(self, number: int) -> str:
        return f"life-{number}" if self.plan.apart else "life"

    def _count_compacted(self) -> int:
        asker = Consumer({"bootstrap.servers": self.plan.bootstrap, "group.id": f"{self.plan.name}-asker"})
        topic = self.plan.state(self.last)
        places = [TopicPartition(topic, number) for number in range(self.plan.partitions)]
        ends = sum(asker.get_watermark_offsets(place, timeout=30)[1] for place in places)
        asker.close()
        return ends - sum(1 for _ in read_topic(self.plan.bootstrap, topic, committed=False))
