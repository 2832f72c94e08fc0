"""A broker that asks of its clients who they are, over TLS, and what they may do: alice and mallory are its users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from headrace.testing.broker import Broker, Security
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import Setting, read_settings

USERS = {"alice": "Pa55-of-alice", "mallory": "Pa55-of-mallory"}
Right = tuple[ResourceType, str, AclOperation]


@pytest.fixture(scope="module")
def secured() -> Iterator[Broker]:
    """A broker that lets in whom it knows, over TLS, to what they are granted."""
    security = Security(tls=True, mechanisms=("SCRAM-SHA-512", "PLAIN", "OAUTHBEARER"), users=USERS, acls=True)
    with Broker(security=security) as broker:
        yield broker


def connect(settings: dict[str, str], **changed: str) -> Connection:
    """Connect as a configuration would have it: secrets from the environment."""
    told = settings | {name.replace("_", "."): value for name, value in changed.items()}
    flat: dict[str, Setting] = {
        f"{name}.env" if "password" in name or "oauthbearer.config" in name else name: value
        for name, value in told.items()
    }
    environment = {value: value for value in told.values()}
    return Connection(read_settings(flat, environment), seconds=5)


def grant(broker: Broker, user: str, *rights: Right) -> None:
    """Allow a user what he asks for, each by the kind of thing, its name, and what may be done with it."""
    inside = connect({"bootstrap.servers": broker.inside})
    rules = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
        for kind, name, operation in rights
    ]
    for future in inside.admin.create_acls(rules).values():
        future.result(timeout=20)
