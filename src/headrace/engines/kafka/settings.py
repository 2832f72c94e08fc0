"""What each client is told beside what the configuration says: what the engine's promises rest on, and what is fast.

Rules:

1. What a promise rests on goes before the configuration, which may not say otherwise; what is fast goes behind it.
2. Offsets are the engine's to commit, and a partition's start is the engine's to choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engines.kafka.parts import Delivery
from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from headrace.engines.kafka.client import Settings
    from headrace.engines.kafka.parts import Group, Parts
    from headrace.transports.kafka.settings import Setting

_FAST_FETCHES: Settings = {
    "fetch.queue.backoff.ms": 1,
    "queued.min.messages": 1_000_000,
    "check.crcs": False,
    "fetch.wait.max.ms": 100,
}
_GROUP: Settings = {"session.timeout.ms": 10_000, "heartbeat.interval.ms": 3_000}
_ASSIGNORS = {"cooperative-sticky"}
MOST_BYTES = 1_000_000
"""Of a message, where ``message.max.bytes`` is not set: the client's default."""
OWN: Settings = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
}


def tell_consumer(parts: Parts) -> Settings:
    """Give the settings of the consumer of records. Raises ``ConfigurationError``."""
    given = parts.connection.settings.tell("consumer")
    group = parts.group
    own: Settings = {"group.id": group.name, "client.id": name_client(group)}
    made: dict[str, Setting] = {**_FAST_FETCHES, **given, **OWN, **own}
    made["enable.partition.eof"] = not parts.manner.follow
    if group.fixed:
        made["group.instance.id"] = group.instance
    if given.get("group.protocol", "classic") == "consumer":
        return made
    asked = given.get("partition.assignment.strategy", "cooperative-sticky")
    if asked not in _ASSIGNORS:
        raise ConfigurationError(
            f"partition.assignment.strategy is {asked!r}: partitions move without a stop only with cooperative-sticky, "
            "or with group.protocol = consumer"
        )
    return {**_GROUP, **made, "partition.assignment.strategy": asked}


def tell_producer(parts: Parts) -> Settings:
    """Give the settings of the producer."""
    made: dict[str, Setting] = {
        "linger.ms": parts.manner.linger * 1_000,
        "queue.buffering.max.kbytes": 1_048_576,
        "transaction.timeout.ms": 10_000,
        **parts.connection.settings.tell("producer"),
        "queue.buffering.max.messages": 1_000_000,
        "enable.idempotence": True,
        "client.id": name_client(parts.group),
    }
    if parts.manner.delivery is Delivery.EXACTLY_ONCE:
        return {**made, "transactional.id": f"{parts.group.name}-{parts.group.instance}"}
    made.pop("transaction.timeout.ms")
    return {**made, "delivery.report.only.error": True}


def find_lasting(parts: Parts) -> float:
    """Give how many seconds a transaction may last, 0 where there are none."""
    return float(tell_producer(parts).get("transaction.timeout.ms", 0)) / 1_000


def name_client(group: Group) -> str:
    """Give the name under which the broker knows this instance: where it answers queries, for the others to read."""
    return f"headrace/{group.instance}/{group.address}" if group.address else f"headrace/{group.instance}"
