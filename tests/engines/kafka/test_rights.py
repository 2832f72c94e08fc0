"""An engine over SASL_SSL whose user may do what it needs and no more; each right that is taken away is named."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._resource import ResourceType

from headrace.engines.kafka.parts import Delivery
from headrace.errors import HeadraceError
from headrace.testing.broker import Broker
from headrace.transports.kafka.topics import Plan, make_topic
from tests.engines.kafka.rig import EVERY_DELIVERY, Rig
from tests.secured import USERS, Right, connect, grant, secured

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.slow]
__all__ = ["secured"]
READ, WRITE, DESCRIBE, CREATE = (
    AclOperation.READ,
    AclOperation.WRITE,
    AclOperation.DESCRIBE,
    AclOperation.CREATE,
)
NEEDED = {
    "Read on topic 'NAME-records'": ("records", READ),
    "Read on topic 'NAME-models'": ("models", READ),
    "Write on topic 'NAME-results'": ("results", WRITE),
    "Write on topic 'NAME-letters'": ("letters", WRITE),
    "Write on topic 'NAME-events'": ("events", WRITE),
    "Create on topic 'NAME-state'": ("state", CREATE),
    "Read on topic 'NAME-state'": ("state", READ),
    "Write on topic 'NAME-state'": ("state", WRITE),
    "Read on group 'NAME-group'": ("group", READ),
    "Write on transactional id 'NAME-group-a'": ("group-a", WRITE),
}
"""What docs/kafka-clients.md says that an instance needs, and how it is told where it is missing."""
KINDS = {"group": ResourceType.GROUP, "group-a": ResourceType.TRANSACTIONAL_ID}


@dataclass
class Secured(Rig):
    """A rig whose engine is alice's."""

    def allow(self, broker: Broker, *left_out: str) -> None:
        """Grant her all that an instance needs but what is left out, which she may see at least."""
        rights: list[Right] = []
        for told, (what, operation) in NEEDED.items():
            kind = KINDS.get(what, ResourceType.TOPIC)
            if told not in left_out:
                rights.append((kind, self.topic(what), operation))
            elif operation is not CREATE and kind is ResourceType.TOPIC:
                rights.append((kind, self.topic(what), DESCRIBE))
        grant(broker, "alice", *rights)
        if not any("Create" in each for each in left_out) and left_out:
            make_topic(connect({"bootstrap.servers": broker.inside}), Plan(self.topic("state"), 2, 1, _COMPACT))
        self.connection = connect(broker.settings_of("alice"))


_COMPACT = {"cleanup.policy": "compact"}


@pytest.mark.parametrize("delivery", EVERY_DELIVERY)
def test_an_engine_needs_no_more_than_is_told(secured: Broker, delivery: Delivery) -> None:
    rig = Secured(secured.inside)
    rig.publish(2)
    rig.send([*range(8), b"{not a record"])
    rig.allow(secured, *(told for told in NEEDED if "transactional" in told and delivery is Delivery.AT_LEAST_ONCE))
    summary = rig.run(delivery=delivery)
    assert (8, 1) == (summary.counts.scored, summary.counts.dead_lettered)


@pytest.mark.parametrize("missing", NEEDED)
def test_a_missing_right_ends_the_engine_and_is_named(secured: Broker, missing: str) -> None:
    rig = Secured(secured.inside)
    rig.publish(2)
    rig.send([*range(8), b"{not a record"])
    rig.allow(secured, missing)
    with pytest.raises(HeadraceError) as caught:
        rig.run()
    told = str(caught.value)
    assert f"(needed: {missing.replace('NAME', rig.name)})" in told
    assert "grant it to this client's user" in told
    assert not any(secret in told for secret in USERS.values())
