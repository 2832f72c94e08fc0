"""Topics: made where they are absent, and checked before anything is read from or written to them.

A model topic has one partition, since its order is the order of models, and keeps what it was given: it is compacted,
or it deletes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from headrace.errors import SourceError
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.troubles import ABSENT, LATE, error_of

COMPACTED: Mapping[str, str] = MappingProxyType(
    {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime", "min.cleanable.dirty.ratio": "0.1"}
)
"""How Headrace makes a model topic: the broker stamps messages, so that their times never fall."""
WHOLE: Mapping[str, str] = MappingProxyType(
    {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
    }
)
"""A model topic that keeps every message, for publishers without keys."""
_PAUSE_SECONDS = 0.02
_FOREVER = {"-1", str(2**63 - 1)}


@dataclass(frozen=True, slots=True)
class Plan:
    """A topic to be made; ``replicas`` -1 leaves their number to the broker."""

    name: str
    partitions: int = 1
    replicas: int = -1
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that is there. ``settings`` is empty where the client has no right to ask for them."""

    name: str
    partitions: int
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def compacted(self) -> bool:
        """Whether the newest message of a key is kept, and earlier ones go."""
        return "compact" in self.settings.get("cleanup.policy", "")

    def forgets(self) -> str:
        """Name the setting by which the topic deletes what is old; "" where it keeps everything or a key's newest."""
        if "delete" not in self.settings.get("cleanup.policy", "").split(","):
            return ""
        for name in ("retention.ms", "retention.bytes"):
            if self.settings.get(name, "-1") not in _FOREVER:
                return f"{name} = {self.settings[name]}"
        return ""


def find_topic(connection: Connection, name: str) -> Topic | None:
    """Look a topic up; None where it is absent, or where the client may not know of it.

    Raises ``SourceError`` where the cluster does not answer or refuses.
    """
    found = connection.fetch_metadata(name).topics[name]
    if found.error is not None:
        if found.error.code() in ABSENT:
            return None
        raise connection.fail(
            SourceError, f"cannot show the topic {name!r}", found.error, f"Describe on topic {name!r}"
        )
    return Topic(name, len(found.partitions), _read_settings(connection, name))


def _read_settings(connection: Connection, name: str) -> dict[str, str]:
    asked = ConfigResource(ConfigResource.Type.TOPIC, name)
    try:
        told = connection.admin.describe_configs([asked])[asked].result(timeout=connection.seconds)
    except KafkaException as error:
        if error_of(error).code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return {}
        raise connection.fail(SourceError, f"cannot tell the settings of the topic {name!r}", error) from error
    return {key: entry.value for key, entry in told.items() if entry.value is not None}


def make_topic(connection: Connection, plan: Plan) -> bool:
    """Make a topic where it is absent, and wait until it is there; tells whether it was made.

    Raises ``SourceError`` where the cluster does not answer, and ``SinkError`` where it refuses.
    """
    connection.fetch_metadata()
    new = NewTopic(
        plan.name, num_partitions=plan.partitions, replication_factor=plan.replicas, config=dict(plan.settings)
    )
    future = connection.admin.create_topics([new])[plan.name]
    try:
        future.result(timeout=connection.seconds)
    except KafkaException as error:
        if error_of(error).code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        right = f"Create on topic {plan.name!r}"
        connection.wait(future, f"cannot make the topic {plan.name!r}", right)
    _await(connection, plan.name)
    return True


def _await(connection: Connection, name: str) -> None:
    """Wait until the brokers know of a new topic and who leads it: they learn of it one by one."""
    end = time.monotonic() + connection.seconds
    while True:
        found = connection.fetch_metadata(name).topics[name]
        if found.error is None and all(each.leader >= 0 for each in found.partitions.values()):
            return
        if time.monotonic() > end:
            raise connection.fail(SourceError, f"has made the topic {name!r} and does not show it", found.error or LATE)
        time.sleep(_PAUSE_SECONDS)


def need_topic(connection: Connection, name: str) -> Topic:
    """Look up a topic that has to be there. Raises ``SourceError`` where it is not."""
    found = find_topic(connection, name)
    if found is None:
        raise SourceError(
            f"Kafka at {connection.settings.servers} has no topic {name!r}: make it first, or mend its name. Where a "
            f"topic may not be described, it seems to be absent (needed: Describe on topic {name!r})"
        )
    return found


def need_model_topic(connection: Connection, name: str) -> Topic:
    """Look up a model topic and check that it keeps models in one order.

    Raises ``SourceError`` where it is absent, has other than one partition, or deletes what is old.
    """
    found = need_topic(connection, name)
    if found.partitions != 1:
        raise SourceError(
            f"the model topic {name!r} has {found.partitions} partitions: it needs to have one, since its order is the "
            "order of models; make another"
        )
    forgets = found.forgets()
    if forgets:
        raise SourceError(
            f"the model topic {name!r} deletes what is old ({forgets}), and with it models that are to serve: set "
            "cleanup.policy = compact, or for messages without keys retention.ms = -1 and retention.bytes = -1"
        )
    return found
