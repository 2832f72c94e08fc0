"""What this client may do, as the broker tells: a refused transaction does not say which of its topics was refused."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin._acl import AclOperation

if TYPE_CHECKING:
    from headrace.transports.kafka.connection import Connection

_SECONDS = 3.0


def find_forbidden(connection: Connection, topics: Collection[str]) -> list[str]:
    """Name the topics to which the client has no right to write; none where the broker does not answer soon."""
    if not topics:
        return []
    asked = connection.admin.describe_topics(
        TopicCollection(sorted(topics)), include_authorized_operations=True, request_timeout=_SECONDS
    )
    return [name for name, future in asked.items() if _is_forbidden(future)]


def _is_forbidden(future: object) -> bool:
    try:
        found = future.result(timeout=_SECONDS)  # type: ignore[attr-defined]
    except (KafkaException, FutureTimeoutError):
        return False
    return AclOperation.WRITE not in (found.authorized_operations or [AclOperation.WRITE])
