"""What the engine keeps of each partition, as messages of a compacted topic.

Rules:

1. One message holds how far a partition has come and its counts, one more for each model version that scored in it. So
   a commit writes what has changed, and a restore reads what has been written last.
2. The messages of partition p of every record topic are in partition p of this one: who is given a partition reads
   one partition.
3. Keys and values are JSON with a version; a later one than this code knows is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.core.partition import Progress
from headrace.core.statistics import Counts, VersionStatistics
from headrace.core.tally import Account, Tally
from headrace.core.timeline import BEGINNING
from headrace.errors import StateError
from headrace.records import ModelVersion, SlotKey

if TYPE_CHECKING:
    from headrace.core.partition import PartitionKey

VERSION = 1
PROGRESS, _ACCOUNT = "progress", "account"
"""The kinds of messages: the first word of their keys."""


class ProgressState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a partition has come. ``floors`` are triples of data type, slot name and position."""

    version: int
    done: int
    max_time: int = BEGINNING
    floors: list[tuple[str, str, int]] = []
    slots: list[tuple[str, str, Counts]] = []
    unaddressed: Counts = msgspec.field(default_factory=Counts)


class AccountState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one model version did."""

    version: int
    name: str
    model_version: str
    digest: str
    statistics: VersionStatistics


class _Version(msgspec.Struct, frozen=True):
    version: int


@dataclass(slots=True)
class Kept:
    """What is kept of one partition."""

    progress: Progress = field(default_factory=Progress)
    tally: Tally = field(default_factory=Tally)


def encode_changes(key: PartitionKey, progress: Progress, tally: Tally) -> Iterator[tuple[bytes, bytes]]:
    """Write what has changed of one partition as keys and values, and take note that it is written."""
    floors = [(slot.data_type, slot.name, position) for slot, position in progress.floors.items()]
    slots = [(slot.data_type, slot.name, counts) for slot, counts in tally.slots.items()]
    state = ProgressState(VERSION, progress.done, progress.max_time, floors, slots, tally.unaddressed)
    yield msgspec.json.encode([PROGRESS, *key]), msgspec.json.encode(state)
    for place in tally.touched:
        slot, position = place
        account = tally.accounts[place]
        named = account.version
        kept = AccountState(VERSION, named.name, named.version, named.digest, account.settle_samples())
        yield msgspec.json.encode([_ACCOUNT, *key, slot.data_type, slot.name, position]), msgspec.json.encode(kept)
    tally.touched.clear()


def apply_change(kept: dict[PartitionKey, Kept], key: bytes, value: bytes) -> None:
    """Take in one message; what is kept of a partition that ``kept`` does not hold is passed over.

    Raises ``StateError`` for a message that is none of this topic's, or of a later version.
    """
    try:
        kind, source, partition, *rest = msgspec.json.decode(key, type=list[Any])
        held = kept.get((source, partition))
        if held is None:
            return
        version = msgspec.json.decode(value, type=_Version).version
        if version > VERSION:
            message = f"it is of version {version}, this Headrace reads up to {VERSION}: upgrade Headrace"
            raise StateError(message)
        if kind == PROGRESS:
            _apply_progress(held, msgspec.json.decode(value, type=ProgressState))
        elif kind == _ACCOUNT:
            data_type, slot, position = rest
            _apply_account(held, (SlotKey(data_type, slot), position), msgspec.json.decode(value, type=AccountState))
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        message = f"a message of the state topic, key {key[:80]!r}, is none that an engine wrote: {error}"
        raise StateError(message) from error


def _apply_progress(held: Kept, state: ProgressState) -> None:
    floors = {SlotKey(data_type, name): position for data_type, name, position in state.floors}
    held.progress = Progress(state.done, state.max_time, floors)
    held.tally.slots = {SlotKey(data_type, name): counts for data_type, name, counts in state.slots}
    held.tally.unaddressed = state.unaddressed


def _apply_account(held: Kept, place: tuple[SlotKey, int], state: AccountState) -> None:
    version = ModelVersion(state.name, state.model_version, state.digest, place[1])
    held.tally.accounts[place] = Account(version, state.statistics)
