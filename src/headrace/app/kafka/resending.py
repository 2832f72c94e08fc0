"""Records of a group's dead letters, sent again to a topic.

Rules:

1. A letter is sent once: how far each selection (the reason, the stream) has come lies in the cluster, so that doing it
   again sends only the letters that came since, and one that was interrupted is completed.
2. Within one call a record is sent once, however many slots could not score it.
3. A record is sent as it came: its bytes, its key and its time, with the header ``headrace-resent``, its first id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.app.kafka.looking import GroupTopics, read_letter
from headrace.transports.kafka.forwarding import Forwarded, forward

if TYPE_CHECKING:
    from confluent_kafka import Message

    from headrace.wire.dead_letters import DeadLetter

HEADER = "headrace-resent"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant: those of a code and of a stream, "" for any."""

    code: str = ""
    source: str = ""

    def holds(self, letter: DeadLetter) -> bool:
        """Whether a letter is meant."""
        return self.code in {"", letter.code} and self.source in {"", letter.source}

    def name(self, group: str) -> str:
        """Give the name under which the cluster keeps how far this selection has come."""
        return "-".join([group, "resent", *filter(None, (self.source, self.code))])


@dataclass(frozen=True, slots=True)
class Sent:
    """What was done: records sent, and letters that hold no bytes to send."""

    records: int
    without: int


def resend_to_topic(group: GroupTopics, topic: str, selection: Selection) -> Sent:
    """Send the records of letters that have not been sent to a topic. Raises ``SourceError`` and ``SinkError``."""
    seen: set[tuple[str, int, int]] = set()
    without: list[str] = []

    def select(message: Message) -> Forwarded | None:
        letter = read_letter(message)
        place = (letter.source, letter.partition, letter.offset)
        if place in seen or not selection.holds(letter):
            return None
        seen.add(place)
        if letter.original is None:
            without.append(letter.id)
            return None
        return Forwarded(letter.original, letter.key, letter.timestamp, [(HEADER, letter.id.encode())])

    letters = group.configuration.dead_letters.topic
    name = selection.name(group.configuration.engine.group)
    sent = forward(group.connection, letters, topic, name, select)
    return Sent(sent, len(without))
