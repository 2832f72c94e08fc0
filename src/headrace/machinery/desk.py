"""The live join of one key, and the desks of one worker process: what need not be built again for every bundle.

Rules:

1. The truth is the runner's state. A desk carries the lease that was written with its last snapshot, and is used only
   where the state shows that same lease; else it is given up and built again from the state.
2. A key is worked on by one bundle at a time, which the runner promises; who works takes the desk and puts it back
   before anything leaves: what comes after may fail. As a context, a desk whose work fails is closed.
3. A desk that nobody has taken for a while is closed, and its models go back to the shelf.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from headrace.abc.source import Reading
from headrace.core.events import Event, Happening
from headrace.core.join import Join, Outcome
from headrace.core.memory import Memory
from headrace.core.snapshot import restore_snapshot, take_snapshot
from headrace.core.timeline import BEGINNING, END
from headrace.machinery.clock import now_ms
from headrace.machinery.elements import UNNUMBERED
from headrace.machinery.inventory import Inventory
from headrace.machinery.parcels import Message, Rows
from headrace.machinery.shelf import ShelfLoader
from headrace.records import DeadLetters, Failure, Malformed, ModelMessage, Publish
from headrace.stores.contents import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from headrace.abc.source import Wake
    from headrace.core.partition import Partition, Pending
    from headrace.core.settings import JoinSettings
    from headrace.core.snapshot import Snapshot
    from headrace.machinery.shelf import Shelf
    from headrace.records import Command

    Decode = Callable[[bytes], Command]

_POLL = 0.05
_RETRY = 5.0


@dataclass(slots=True)
class Inbox:
    """A ``ModelSource`` of what the runner has brought."""

    _messages: deque[ModelMessage] = field(default_factory=deque)

    def start(self, wake: Wake) -> None:
        """Wake nobody: who puts something in also takes it out."""

    def resume(self, position: int) -> None:
        """Leave it to the runner what comes next."""

    def put(self, message: ModelMessage) -> None:
        """Take in a message."""
        self._messages.append(message)

    def poll(self) -> Reading:
        """Hand out what has come."""
        messages = tuple(self._messages)
        self._messages.clear()
        return Reading(messages)

    def close(self) -> None:
        """Hold nothing."""


@dataclass(slots=True)
class KeptContents:
    """Model bytes of one key: those in the state, and those that are still to be written there.

    ``put`` may be called from the loader's thread, where the state is out of reach.
    """

    held: dict[str, bytes] = field(default_factory=dict)
    fresh: deque[bytes] = field(default_factory=deque)
    forgot: bool = False

    def get(self, digest: str) -> bytes | None:
        """Give the bytes of a digest, or None where they are not held."""
        return self.held.get(digest)

    def put(self, content: bytes) -> str:
        """Keep bytes and return their digest."""
        digest = digest_of(content)
        if digest not in self.held:
            self.held[digest] = content
            self.fresh.append(content)
        return digest

    def keep_only(self, digests: Collection[str]) -> None:
        """Forget all others."""
        for digest in self.held.keys() - set(digests):
            del self.held[digest]
            self.forgot = True


@dataclass(frozen=True, slots=True)
class _Supply:
    models: Inbox
    loader: ShelfLoader
    contents: KeptContents


class Desk:
    """A join with its models: rows and messages in, what they came to out."""

    def __init__(
        self, settings: JoinSettings, shelf: Shelf, decode: Decode, contents: KeptContents | None = None
    ) -> None:
        self.join = Join(settings, now_ms, time.perf_counter_ns, records_to=BEGINNING)
        self.contents = contents or KeptContents()
        self.lease = ""
        self.used_at = time.monotonic()
        self._inbox = Inbox()
        self._loader = ShelfLoader(shelf)
        self._inventory = Inventory(self.join.models, _Supply(self._inbox, self._loader, self.contents), _RETRY)
        self._decode = decode
        self._memory = Memory()
        self._events: list[Event] = []

    def restore(self, snapshot: Snapshot, contents: Iterable[bytes], queue: Iterable[Rows]) -> None:
        """Go back to a state. Raises ``StateError``."""
        restore_snapshot(self.join, snapshot)
        for content in contents:
            self.contents.held[digest_of(content)] = content
        for rows in queue:
            self.join.offer(rows.batch)

    def save(self) -> Snapshot:
        """Give the state, under a new lease."""
        self.lease = secrets.token_hex(8)
        return take_snapshot(self.join, self._memory)

    def receive(self, message: Message) -> None:
        """Take in a message of the model stream; one that comes after a later one is refused, and that is told."""
        models = self.join.models
        position = models.position + 1 if message.position is None else message.position
        try:
            command = self._decode(message.content)
        except Exception as error:  # noqa: BLE001 whatever a message holds, the stream goes on
            command = Malformed(str(error))
        if position <= models.position:
            self._events.append(_refuse(command, position, models.position))
            return
        self._inbox.put(ModelMessage(position, message.appended_at, command))
        self._inventory.poll()

    def offer(self, rows: Rows) -> None:
        """Take in records; those without offsets are numbered in the order in which they come."""
        raw = rows.batch.raw
        if len(rows.batch) and raw.offsets[0] == UNNUMBERED:
            partition = self.join.assign((raw.source, raw.partition))
            last = [int(pending.batch.raw.offsets[-1]) for pending in partition.queue]
            rows = rows.number(max([partition.done, *last]) + 1)
        self.join.offer(rows.batch)

    def work(self, read_to: int | None = None, *, wait: bool = True) -> Outcome:
        """Score all that can be scored; ``read_to`` is the time up to which the model stream is known.

        Waits for a load where records have nothing else to be scored by: at the first model and after a restart. Where
        it shall not ``wait``, such records stay in the queue.
        """
        self.used_at = time.monotonic()
        if read_to is not None:
            self.join.models.read_up_to(read_to)
            self.join.records_to = max(self.join.records_to, read_to)
        total = Outcome()
        while True:
            moved = self._inventory.poll()
            outcome = Outcome() if self._unready else self.join.advance()
            _add(total, outcome)
            for model in self.join.take_closing():
                model.close()
            if outcome or moved:
                continue
            if not wait or not (self._unready or (self.join.blocked and self.join.models.loading)):
                break
            self._loader.wait(_POLL)
        self._forget_contents()
        return total

    @property
    def _unready(self) -> bool:
        """Whether rows wait for the load of a slot's first model."""
        models = self.join.models
        if not (self.join.blocked and models.loading):
            return False
        return all(slot.serving is None for slot in models.slots.values())

    def finish(self) -> Outcome:
        """End it: no message will come any more. Loads are waited for; rows that still wait leave as dead letters."""
        outcome = self.work(END)
        while self.join.models.loading:
            self._loader.wait(_POLL)
            _add(outcome, self.work(END))
        while self.join.blocked:
            for partition in self.join.partitions.values():
                if partition.queue:
                    self._give_up(partition, outcome)
            _add(outcome, self.work(END))
        return outcome

    def _give_up(self, partition: Partition, outcome: Outcome) -> None:
        """Give up the rows that wait first: those of other data types behind them may have a model."""
        pending = partition.queue[0]
        end = len(pending.batch) if len(pending.batch.groups) == 1 else pending.start + 1
        told = "the pipeline ended before a model came: publish one and send the record again"
        failures = tuple(Failure(row, "no-model", told) for row in range(pending.start, end))
        outcome.dead_letters.append(DeadLetters(pending.batch, None, failures))
        self.join.unaddressed.received += len(failures)
        self.join.unaddressed.dead_lettered += len(failures)
        outcome.rows += len(failures)
        pending.start = end
        if end == len(pending.batch):
            partition.queue.popleft()

    @property
    def queue(self) -> list[Rows]:
        """The rows that were offered and still wait."""
        return [_remaining(pending) for partition in self.join.partitions.values() for pending in partition.queue]

    def events(self) -> Sequence[Event]:
        """Hand out what happened to models since the last call."""
        told, self._events = self._events, []
        return [*told, *self.join.models.events()]

    def named(self) -> set[str]:
        """Give the digests that a candidate or a retained version names."""
        return self._inventory.named()

    def _forget_contents(self) -> None:
        if not self.join.models.loading:
            self.contents.keep_only(self.named())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:  # nobody can put it back
            self.close()

    def close(self) -> None:
        """Give the models back."""
        self._loader.close()
        for slot in self.join.models.slots.values():
            for candidate in slot.live.values():
                if candidate.model is not None:
                    candidate.model.close()
        for model in self.join.take_closing():
            model.close()


class Desks:
    """The desks of this process, by name; one that lies for ``linger`` seconds is closed."""

    def __init__(self, linger: float = 60.0) -> None:
        self._linger = linger
        self._lock = threading.Lock()
        self._desks: dict[object, Desk] = {}

    def take(self, name: object, lease: str | None) -> Desk | None:
        """Take the desk of a name where it has that lease."""
        with self._lock:
            desk = self._desks.pop(name, None)
        if desk is not None and desk.lease != lease:
            desk.close()
            return None
        return desk

    def put(self, name: object, desk: Desk) -> None:
        """Put a desk back."""
        with self._lock:
            self._desks[name] = desk

    def tidy(self) -> None:
        """Close the desks that nobody has taken for long."""
        until = time.monotonic() - self._linger
        with self._lock:
            idle = [name for name, desk in self._desks.items() if desk.used_at <= until]
            desks = [self._desks.pop(name) for name in idle]
        for desk in desks:
            desk.close()


DESKS = Desks()


def _remaining(pending: Pending) -> Rows:
    rows = Rows(pending.batch)
    return rows if not pending.start else rows.select(np.arange(pending.start, len(pending.batch), dtype=np.int64))


def _add(total: Outcome, more: Outcome) -> None:
    total.results += more.results
    total.dead_letters += more.dead_letters
    for slot, count in more.skipped.items():
        total.skipped[slot] = total.skipped.get(slot, 0) + count
    total.rows += more.rows


def _refuse(command: Command, position: int, known: int) -> Event:
    told = f"it came after the message of position {known}: send it again at the end of the model stream"
    if isinstance(command, Publish):
        about = command.descriptor
        return Event(
            Happening.REFUSED, now_ms(), position, about.slot_key, about.name, about.version, about.digest, told
        )
    return Event(Happening.REFUSED, now_ms(), position, getattr(command, "slot", None), reason=told)
