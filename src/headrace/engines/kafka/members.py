"""Who is in a group, by what its coordinator tells, and who was."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headrace.machinery.clock import now_ms
from headrace.machinery.standing import Member

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from headrace.transports.kafka.connection import Connection

PREFIX = "headrace/"
"""How the names of instances begin by which the broker knows them."""

REMEMBERED_MS = 3_600_000
_SECONDS = 5.0


@dataclass(slots=True)
class Members:
    """The instances that were seen within the last hour, by name."""

    _known: dict[str, Member] = field(default_factory=dict)

    def look(self, connection: Connection, group: str) -> tuple[Member, ...]:
        """Ask who is there now. Raises ``KafkaException``."""
        described = connection.admin.describe_consumer_groups([group], request_timeout=_SECONDS)[group].result(_SECONDS)
        return self.learn((read_member(each, now_ms()) for each in described.members), now_ms())

    def learn(self, present: Iterable[Member], now: int) -> tuple[Member, ...]:
        """Learn who is there; give these and those that are gone, by name."""
        there = {each.name: each for each in present}
        gone = {
            name: replace(each, gone=True, partitions=())
            for name, each in self._known.items()
            if now - each.seen <= REMEMBERED_MS
        }
        self._known = {**gone, **there}
        return tuple(self._known[name] for name in sorted(self._known))


def read_member(told: Any, now: int) -> Member:
    """Read what a coordinator tells of a member; one that is no instance of Headrace goes by its client's name."""
    name = (
        told.client_id.removeprefix(PREFIX).partition("/")[0] if told.client_id.startswith(PREFIX) else told.client_id
    )
    assigned = [] if told.assignment is None else told.assignment.topic_partitions
    partitions = tuple(sorted((each.topic, each.partition) for each in assigned))
    return Member(name, told.host.lstrip("/"), partitions, now)
