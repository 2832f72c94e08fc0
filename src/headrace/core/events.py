"""What an operator can see: every change of a model's life, and every command."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.core.states import State
    from headrace.records import SlotKey


class Happening(StrEnum):
    """What an event tells besides the states of a model's life."""

    DUPLICATE = "duplicate"
    DEFERRED = "deferred"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    SLOT_RETIRED = "slot-retired"
    VERSION_FORGOTTEN = "version-forgotten"
    REFUSED = "command-refused"


@dataclass(frozen=True, slots=True)
class Event:
    """One happening. ``at`` is milliseconds since the epoch; ``position`` is the message's that it is about."""

    kind: State | Happening
    at: int
    position: int
    slot: SlotKey | None = None
    name: str = ""
    version: str = ""
    digest: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """A wish of the join: load, verify and warm this candidate away from the scoring thread, then say how it went."""

    slot: SlotKey
    position: int


def describe_event(event: Event) -> dict[str, Any]:
    """Give an event as JSON values; ``at`` is milliseconds since the epoch."""
    return {
        "at": event.at,
        "kind": str(event.kind),
        "position": event.position,
        "data_type": None if event.slot is None else event.slot.data_type,
        "slot": None if event.slot is None else event.slot.name,
        "name": event.name,
        "version": event.version,
        "digest": event.digest,
        "reason": event.reason,
    }
