"""A real Kafka broker on loopback, for tests and for trying things out."""

from headrace.testing.broker.node import Broker
from headrace.testing.broker.security import Security

__all__ = ["Broker", "Security"]
