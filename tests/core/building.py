"""A join driven by hand, with toy models, for tests that say what happens line by line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np

from headrace.core.events import Event
from headrace.core.join import Join
from headrace.core.models import LoadCost
from headrace.core.settings import JoinSettings
from headrace.core.slot import Slot
from headrace.core.snapshot import decode_snapshot, encode_snapshot, restore_snapshot, take_snapshot
from headrace.core.states import State
from headrace.core.timeline import END
from headrace.records import Batch, Command, Descriptor, ModelMessage, Publish, SlotKey, SwitchMode
from headrace.testing.driver import read_letters, read_results
from headrace.testing.scenario import Row, Scenario, digest_of, make_batch, offset_of
from headrace.testing.toymodels import Recipe, ToyModel

WINE = SlotKey("wine")
SECOND = SlotKey("wine", "second")
EVENT_TIME = JoinSettings(switch=SwitchMode.EVENT_TIME, lateness=10)
ORDERED = JoinSettings(switch=SwitchMode.ORDERED)

Seen = tuple[int, str, int | str]
"""A record's number, its slot's name, and the position of the version that scored it, or the dead letter's code."""


def plain(addend: int, output: str = "y") -> bytes:
    """Bytes of a model that adds."""
    return Recipe("plain", output, addend).content


def batch_of(*rows: Row | int, partition: int = 0, start: int = 0) -> Batch:
    """Put rows, or values of ``x`` in records of type wine without a time, into a batch."""
    given = tuple(Row(row, "wine", None) if isinstance(row, int) else row for row in rows)
    offsets = np.array([offset_of(start + place) for place in range(len(given))], dtype=np.int64)
    return make_batch(given, partition, offsets)


def at(time: int | None, x: int = 1, data_type: str = "wine") -> Row:
    """Make a record of a time."""
    return Row(x, data_type, time)


@dataclass
class Bench:
    """A join and what is around it."""

    settings: JoinSettings = field(default_factory=JoinSettings)
    contents: dict[str, bytes] = field(default_factory=dict)
    misuses: list[str] = field(default_factory=list)
    models: dict[int, ToyModel] = field(default_factory=dict)
    loaded: list[int] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    skipped: dict[SlotKey, int] = field(default_factory=dict)
    position: int = -1
    now: int = 0

    def __post_init__(self) -> None:
        ticks, nanoseconds = count(1_000), count(0, 100)
        self.join = Join(self.settings, lambda: next(ticks), lambda: next(nanoseconds))
        self.offered: dict[int, int] = {}

    def send(self, command: Command, appended_at: int | None = None) -> int:
        """Let a message of the model stream arrive."""
        self.position += 1
        self.now = self.now + 1 if appended_at is None else appended_at
        self.join.models.receive(ModelMessage(self.position, self.now, command))
        return self.position

    def descriptor(self, content: bytes, slot: SlotKey = WINE, **changes: Any) -> Descriptor:
        """Make a publication of bytes that are kept by digest."""
        digest = digest_of(content)
        self.contents[digest] = content
        made = Descriptor("model", slot.data_type, slot=slot.name, digest=digest)
        return replace(made, **changes)

    def publish(self, content: bytes, slot: SlotKey = WINE, appended_at: int | None = None, **changes: Any) -> int:
        """Let a publication arrive."""
        return self.send(Publish(self.descriptor(content, slot, **changes)), appended_at)

    def serve(self, content: bytes, slot: SlotKey = WINE, appended_at: int | None = None, **changes: Any) -> int:
        """Let a publication arrive, and load all there is to load."""
        position = self.publish(content, slot, appended_at, **changes)
        self.load()
        return position

    def request(self) -> list[int]:
        """Begin the loads that the join wants; give their positions."""
        positions = [request.position for request in self.join.models.load_requests()]
        self.loaded += positions
        return positions

    def finish(self, position: int, slot: SlotKey = WINE) -> None:
        """Give the verdict on a candidate that is loading."""
        models = self.join.models
        descriptor = models.candidate(slot, position).descriptor
        judged = Scenario(self.settings, (), (), self.contents).judge(descriptor)
        if isinstance(judged, str):
            models.reject(slot, position, judged)
            return
        models.progress(slot, position, State.VERIFYING)
        models.progress(slot, position, State.WARMING)
        model = self.models[position] = ToyModel(judged, self.misuses)
        content = self.contents.get(descriptor.digest) or self.contents[descriptor.location]
        models.accept(slot, position, model, digest_of(content), LoadCost(1, 2, 3, 4))

    def load(self) -> list[int]:
        """Load all that the join wants, to its verdict; give the positions in their order."""
        done: list[int] = []
        while True:
            requests = self.join.models.load_requests()
            if not requests:
                self.loaded += done
                return done
            for request in requests:
                done.append(request.position)
                self.finish(request.position, request.slot)

    def offer(self, *rows: Row | int, partition: int = 0) -> None:
        """Let records arrive."""
        start = self.offered.get(partition, 0)
        self.offered[partition] = start + len(rows)
        self.join.offer(batch_of(*rows, partition=partition, start=start))

    def advance(self) -> list[Seen]:
        """Score all that can be scored; give what came out."""
        came: list[Seen] = []
        while outcome := self.join.advance():
            for results in outcome.results:
                came += [
                    (place[1], str(results.slot.name), fate.version[3] if fate.version else -1)
                    for place, fate, _ in read_results(results)
                ]
            for letters in outcome.dead_letters:
                name = "" if letters.slot is None else letters.slot.name
                came += [(place[1], name, fate.code) for place, fate, _ in read_letters(letters)]
            for key, times in outcome.skipped.items():
                self.skipped[key] = self.skipped.get(key, 0) + times
        for model in self.join.take_closing():
            model.close()
        self.seen += came
        return came

    def score(self, *rows: Row | int, partition: int = 0) -> list[Seen]:
        """Offer records and give what came out."""
        self.offer(*rows, partition=partition)
        return self.advance()

    def end_stream(self) -> None:
        """Learn that no further message comes."""
        self.join.models.read_up_to(END)

    def slot(self, key: SlotKey = WINE) -> Slot:
        """Give a slot."""
        return self.join.models.slots[key]

    def serving(self, key: SlotKey = WINE) -> int | None:
        """Give the position that serves under ``ready``."""
        serving = self.slot(key).serving
        return None if serving is None else serving.position

    def closed(self, position: int) -> bool:
        """Tell whether the model of a position has been closed."""
        return self.models[position].closed

    def states(self, key: SlotKey = WINE) -> dict[int, State]:
        """Give the state of every candidate by position."""
        slot = self.slot(key)
        return {
            each.position: each.state for each in sorted((*slot.live.values(), *slot.history), key=lambda c: c.position)
        }

    def events(self) -> list[Event]:
        """Give the events since the last call."""
        return self.join.models.events()

    def restart(self) -> Bench:
        """Give a new bench on what a snapshot of this one holds."""
        saved = encode_snapshot(take_snapshot(self.join))
        fresh = Bench(self.settings, self.contents, position=self.position, now=self.now)
        restore_snapshot(fresh.join, decode_snapshot(saved))
        fresh.offered = dict(self.offered)
        return fresh
