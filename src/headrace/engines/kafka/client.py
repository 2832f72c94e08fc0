"""What all parts share of the Kafka client: what it is told, and a session that came to an end."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.transports.kafka.settings import Setting

Settings = Mapping[str, Setting]
"""What a client is told, by its own names."""


class LapseError(Exception):
    """The session cannot go on. The engine begins another, from what is committed; nobody else sees this."""
