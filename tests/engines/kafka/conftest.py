"""Rigs on the session's broker."""

from __future__ import annotations

import pytest

from headrace.testing.broker import Broker
from tests.engines.kafka.rig import Rig


@pytest.fixture
def rig(kafka_broker: Broker) -> Rig:
    """An application of two partitions."""
    return Rig(kafka_broker.bootstrap)
