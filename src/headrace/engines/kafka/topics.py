"""The topics that an engine needs, looked at before it begins.

Rules:

1. Topics of records, results, dead letters and events are a person's to create: how many partitions they have, and how
   long they keep what, is theirs to decide. The topic of the state is made where there is none.
2. The state has to be compacted and never deleted by age, and to have as many partitions as the topic of records that
   has most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import SourceError
from headrace.transports.kafka.topics import Plan, find_topic, make_topic, need_topic

if TYPE_CHECKING:
    from headrace.engines.kafka.parts import Topics
    from headrace.transports.kafka.connection import Connection
    from headrace.transports.kafka.topics import Topic


def look_at_topics(connection: Connection, topics: Topics) -> dict[str, int]:
    """Count the partitions of all topics, and make that of the state where there is none.

    Raises ``SourceError`` where a topic is missing or cannot serve, or where the broker does not answer.
    """
    needed = [*topics.records, topics.results, topics.dead_letters, topics.events]
    counts = {name: need_topic(connection, name).partitions for name in needed if name}
    most = max(counts[name] for name in topics.records)
    state = _need_state(connection, topics.state, most)
    if state.partitions < most:
        raise SourceError(
            f"the state topic {state.name!r} has {state.partitions} partitions, and a topic of records has {most}: add "
            "partitions to it before records are read"
        )
    policy = state.settings.get("cleanup.policy", "compact")
    if policy != "compact":
        raise SourceError(
            f"the state topic {state.name!r} has cleanup.policy = {policy}: it has to be compact, or counts and "
            "positions would be lost with time"
        )
    return {**counts, state.name: state.partitions}


def _need_state(connection: Connection, name: str, partitions: int) -> Topic:
    found = find_topic(connection, name)
    if found is not None:
        return found
    settings = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
    make_topic(connection, Plan(name, partitions, settings=settings))
    return need_topic(connection, name)
