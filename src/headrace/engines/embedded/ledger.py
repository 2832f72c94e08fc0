"""The commit: outputs, positions and state in one step.

Rules:

1. Sinks are made durable first, then one document names how far they reach together with the join's snapshot. That
   document is the commit; whatever lies beyond it after a crash is taken back and done again.
2. The document is versioned; the snapshot within it has a version of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.core.snapshot import decode_snapshot, encode_snapshot, restore_snapshot, take_snapshot
from headrace.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.core.join import Join
    from headrace.engines.embedded.parts import Parts

VERSION = 1


class Committed(msgspec.Struct, frozen=True):
    """What is stored at a commit. Times are milliseconds since the epoch."""

    join: msgspec.Raw
    results: dict[str, Any]
    dead_letters: dict[str, Any]
    committed_at: int
    version: int = VERSION


def decode_committed(document: bytes) -> Committed:
    """Read a commit; ``StateError`` where it is damaged or of a later version."""
    try:
        committed = msgspec.json.decode(document, type=Committed)
    except msgspec.MsgspecError as error:
        message = f"the state cannot be read: {error}"
        raise StateError(message) from error
    if committed.version > VERSION:
        message = f"the state is of version {committed.version}, this Headrace reads up to {VERSION}: upgrade Headrace"
        raise StateError(message)
    return committed


@dataclass(slots=True)
class Ledger:
    """Commits an engine's work, and brings it back."""

    join: Join
    parts: Parts
    clock: Callable[[], int]

    def recover(self) -> bool:
        """Bring back the last commit; tell whether there was one."""
        document = None if self.parts.state is None else self.parts.state.load()
        if document is None:
            self.parts.results.recover(None)
            self.parts.dead_letters.recover(None)
            return False
        committed = decode_committed(document)
        restore_snapshot(self.join, decode_snapshot(bytes(committed.join)))
        self.parts.results.recover(committed.results)
        self.parts.dead_letters.recover(committed.dead_letters)
        return True

    def commit(self) -> None:
        """Make durable all that was written."""
        results = dict(self.parts.results.commit())
        dead_letters = dict(self.parts.dead_letters.commit())
        if self.parts.state is None:
            return
        snapshot = encode_snapshot(take_snapshot(self.join))
        committed = Committed(msgspec.Raw(snapshot), results, dead_letters, self.clock())
        self.parts.state.save(msgspec.json.encode(committed))
