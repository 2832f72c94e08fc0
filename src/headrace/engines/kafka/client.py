"""What all parts share of the Kafka client: what it is told, and a session that came to an end."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.transports.kafka.settings import Setting

Settings = Mapping[str, Setting]
"""What a client is told, by its own names."""


class LapseError(Exception):
    """The session cannot go on. The engine begins another, from what is committed; nobody else sees this."""


class StaleError(LapseError):
    """A commit came while the group was sharing partitions out anew: what it held is dropped, and done again.

    The instance stays in the group. Leaving it would have the partitions shared out once more, and others fail so.
    """
