"""Connections to the session's broker, and names that no other test uses."""

from __future__ import annotations

import uuid

import pytest

from headrace.testing.broker import Broker
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings


@pytest.fixture
def connection(kafka_broker: Broker) -> Connection:
    return Connection(ClientSettings(kafka_broker.settings))


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4().hex}"
