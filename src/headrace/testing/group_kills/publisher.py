"""Models published while instances are killed: good ones, and ones that are refused."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from confluent_kafka import Producer

from headrace.records import Descriptor, GoldenRecord, Publish
from headrace.testing.kills.plan import DATA_TYPE, MOST
from headrace.testing.kills.publisher import repeating
from headrace.testing.scaling import write_scaling
from headrace.wire.descriptor import encode_command

if TYPE_CHECKING:
    from headrace.testing.group_kills.plan import Plan

INTERVAL = 0.5


class Publisher:
    """Writes to a plan's model topic, keyless, as the book's own provider does; the first model is a good one."""

    def __init__(self, plan: Plan) -> None:
        self._topic = plan.topic("models")
        self._random = random.Random(plan.seed)  # noqa: S311 a test's choices
        self._producer = Producer({"bootstrap.servers": plan.bootstrap, "enable.idempotence": True})
        self._factor = 0

    @property
    def published(self) -> int:
        """How many models were published."""
        return self._factor

    def publish(self) -> None:
        """Publish one model; one in five is refused, for what its golden record says."""
        self._factor += 1
        right = self._factor == 1 or self._random.random() > 0.2
        golden = (GoldenRecord({"x": 2.0}, {"y": 2.0 * self._factor if right else -1.0}),)
        content = write_scaling(self._factor, most=MOST)
        command = Publish(Descriptor("scaling", DATA_TYPE, content=content, golden=golden))
        self._producer.produce(self._topic, encode_command(command))
        self._producer.flush()

    def publishing(self) -> AbstractContextManager[None]:
        """Publish now and then, from a thread of its own, until the block is left."""
        return repeating(self.publish, lambda: INTERVAL * self._random.random() * 2)
