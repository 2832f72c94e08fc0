"""The commit: outputs, positions and state in one step.

Rules:

1. Sinks are made durable first, then one document names how far they reach together with the join's snapshot. That
   document is the commit; whatever lies beyond it after a crash is taken back and done again.
2. Places and snapshot are taken together, on the engine's thread, between two batches. Waiting for the disk, for sinks
   that allow it and for the document, is done on another thread while the engine goes on; one commit at a time.
3. The first start commits before anything is written: whatever a crash leaves has a commit to go back to.
4. The document is versioned; the snapshot within it has a version of its own.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.abc.sink import TwoStepSink
from headrace.core.memory import Memory
from headrace.core.snapshot import decode_snapshot, encode_snapshot, restore_snapshot, take_snapshot
from headrace.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.abc.sink import Place, Sink
    from headrace.abc.store import StateStore
    from headrace.core.join import Join
    from headrace.engines.embedded.parts import Parts

    Finish = Callable[[], Place]

VERSION = 1


class Committed(msgspec.Struct, frozen=True):
    """What is stored at a commit. Times are milliseconds since the epoch."""

    join: msgspec.Raw
    results: dict[str, Any]
    dead_letters: dict[str, Any]
    committed_at: int
    version: int = VERSION


class _Head(msgspec.Struct, frozen=True):
    version: int


def decode_committed(document: bytes) -> Committed:
    """Read a commit; ``StateError`` where it is damaged or of a later version."""
    try:
        version = msgspec.json.decode(document, type=_Head).version
        if version > VERSION:
            message = f"the state is of version {version}, this Headrace reads up to {VERSION}: upgrade Headrace"
            raise StateError(message)
        return msgspec.json.decode(document, type=Committed)
    except msgspec.MsgspecError as error:
        message = f"the state cannot be read: {error}"
        raise StateError(message) from error


class Ledger:
    """Commits an engine's work, and brings it back."""

    def __init__(self, join: Join, parts: Parts, clock: Callable[[], int]) -> None:
        self._join = join
        self._parts = parts
        self._clock = clock
        self._memory = Memory()
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="headrace-commit")
        self._saving: Future[Any] | None = None

    def recover(self) -> None:
        """Bring back the last commit, or make the first."""
        document = None if self._parts.state is None else self._parts.state.load()
        if document is None:
            self._parts.results.recover(None)
            self._parts.dead_letters.recover(None)
            self.begin()
            self.finish()
            return
        committed = decode_committed(document)
        restore_snapshot(self._join, decode_snapshot(bytes(committed.join)))
        self._parts.results.recover(committed.results)
        self._parts.dead_letters.recover(committed.dead_letters)

    def begin(self) -> None:
        """Begin to make durable all that was written; the commit before must have been finished."""
        results = _begin_commit(self._parts.results)
        dead_letters = _begin_commit(self._parts.dead_letters)
        if self._parts.state is None:
            self._saving = self._saver.submit(_commit, results, dead_letters)
            return
        snapshot = encode_snapshot(take_snapshot(self._join, self._memory))
        self._saving = self._saver.submit(self._save, self._parts.state, results, dead_letters, snapshot)

    @property
    def busy(self) -> bool:
        """Whether a commit is under way: ``finish`` would wait."""
        return self._saving is not None and not self._saving.done()

    def finish(self) -> bool:
        """Wait for the commit under way; tell whether there was one. Raises what it raised."""
        saving, self._saving = self._saving, None
        if saving is None:
            return False
        saving.result()
        return True

    def _save(self, state: StateStore, results: Finish, dead_letters: Finish, snapshot: bytes) -> None:
        places = _commit(results, dead_letters)
        state.save(msgspec.json.encode(Committed(msgspec.Raw(snapshot), *places, self._clock())))

    def close(self) -> None:
        """Wait for the commit under way, if there is one."""
        self._saver.shutdown()


def _begin_commit(sink: Sink[Any]) -> Finish:
    if isinstance(sink, TwoStepSink):
        return sink.begin_commit()
    place = sink.commit()
    return lambda: place


def _commit(results: Finish, dead_letters: Finish) -> tuple[dict[str, Any], dict[str, Any]]:
    return dict(results()), dict(dead_letters())
