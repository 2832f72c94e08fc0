"""Models of one worker process: each loaded once, shared by all keys that serve it, released when nobody does.

Rules:

1. Two publications whose bytes, format and demands are the same are one load and one model. What lies at a location
   may change: without a digest, only askers for one and the same publication, by its slot and position, share a load.
2. A model that nobody holds is closed once it has lain for a while: a key that comes back finds it.
3. Loads are checked in a child process unless the options say otherwise; a verdict is told to all who asked.
4. Bytes that were fetched from a location are put into the contents of all who get the model: each restores from its
   own.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from headrace.abc.loader import Loaded, Reached, Stage
from headrace.loading import open_loader
from headrace.records import SlotKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from headrace.abc.loader import CandidateId, Contents, LoadEvent
    from headrace.abc.model import Model, Scores
    from headrace.loading import BackgroundLoader, LoadOptions
    from headrace.records import Descriptor, Signature

_STAGES = (Stage.LOADING, Stage.VERIFYING, Stage.WARMING)


@dataclass(slots=True, eq=False)
class _Place:
    """Where one model lies, under ``name``.

    ``waiting`` are those who asked for it while it loads, ``reached`` is how far it is. ``contents`` are those that its
    load fills; ``fetched`` is what it found at a location.
    """

    number: int
    name: bytes
    contents: Contents
    located: bool
    reached: list[Stage] = field(default_factory=list)
    waiting: list[tuple[ShelfLoader, CandidateId, Contents]] = field(default_factory=list)
    loaded: Loaded | None = None
    fetched: bytes | None = None
    holders: int = 0
    idle_since: float = 0.0


class Shelf:
    """The models of this process, by what was asked for. ``linger`` is how many seconds an idle one is kept."""

    def __init__(self, options: LoadOptions, *, in_child: bool = True, linger: float = 60.0) -> None:
        self._loader: BackgroundLoader = open_loader(options, in_child=in_child)
        self._linger = linger
        self._lock = threading.RLock()
        self._places: dict[bytes, _Place] = {}
        self._numbers: dict[int, _Place] = {}
        self._count = 0

    @property
    def models(self) -> int:
        """How many models are in memory."""
        with self._lock:
            return sum(place.loaded is not None for place in self._numbers.values())

    def ask(self, asker: ShelfLoader, candidate: CandidateId, descriptor: Descriptor, contents: Contents) -> None:
        """Give a model to a loader, now if it is here."""
        name = _identify(descriptor, candidate)
        with self._lock:
            place = self._places.get(name)
            if place is None:
                self._count += 1
                place = self._places[name] = self._numbers[self._count] = _Place(
                    self._count, name, contents, bool(descriptor.location)
                )
                self._loader.submit((SlotKey(""), place.number), descriptor, contents)
            if place.loaded is not None:
                asker.tell([Reached(candidate, stage, time.time_ns()) for stage in _STAGES])
                self._hand_out(place, place.loaded, asker, candidate, contents)
            else:
                asker.tell([Reached(candidate, stage, time.time_ns()) for stage in place.reached])
                place.waiting.append((asker, candidate, contents))

    def move(self) -> None:
        """Tell what has been loaded to those who wait for it, and close what lies idle."""
        with self._lock:
            for event in self._loader.poll():
                self._pass_on(event)
            self._tidy()

    def wait(self, timeout: float) -> bool:
        """Wait for the loader to have something to tell."""
        return self._loader.wait(timeout)

    def leave(self, asker: ShelfLoader) -> None:
        """Forget one who waits."""
        with self._lock:
            for place in self._numbers.values():
                place.waiting = [each for each in place.waiting if each[0] is not asker]

    def take_back(self, place: _Place) -> None:
        """Learn that one holder of a model is done with it."""
        with self._lock:
            place.holders -= 1
            place.idle_since = time.monotonic()

    def close(self) -> None:
        """End the loader and close every model."""
        self._loader.close()
        with self._lock:
            for place in self._numbers.values():
                if place.loaded is not None:
                    place.loaded.model.close()
            self._places.clear()
            self._numbers.clear()

    def _pass_on(self, event: LoadEvent) -> None:
        place = self._numbers[event.candidate[1]]
        if isinstance(event, Reached):
            place.reached.append(event.stage)
            for asker, candidate, _ in place.waiting:
                asker.tell([replace(event, candidate=candidate)])
            return
        waiting, place.waiting = place.waiting, []
        if isinstance(event, Loaded):
            place.loaded, place.idle_since = event, time.monotonic()
            place.fetched = place.contents.get(event.digest) if place.located else None
            for asker, candidate, contents in waiting:
                self._hand_out(place, event, asker, candidate, contents)
            return
        self._forget(place)
        for asker, candidate, _ in waiting:
            asker.tell([replace(event, candidate=candidate)])

    def _hand_out(
        self, place: _Place, loaded: Loaded, asker: ShelfLoader, candidate: CandidateId, contents: Contents
    ) -> None:
        place.holders += 1
        if place.fetched is not None:
            asker.keep(contents, loaded.digest, place.fetched)
        asker.tell([replace(loaded, candidate=candidate, model=_Held(self, place, loaded.model))])

    def _tidy(self) -> None:
        until = time.monotonic() - self._linger
        for place in list(self._numbers.values()):
            if place.loaded is not None and not place.holders and place.idle_since <= until:
                place.loaded.model.close()
                self._forget(place)

    def _forget(self, place: _Place) -> None:
        del self._numbers[place.number], self._places[place.name]


@dataclass(slots=True, eq=False)
class _Held:
    """A model in the hands of one holder; closing it gives it back."""

    shelf: Shelf
    place: _Place
    model: Model

    @property
    def signature(self) -> Signature:
        """The inputs and outputs."""
        return self.model.signature

    def score(self, batch: pa.RecordBatch) -> Scores:
        """Score a batch."""
        return self.model.score(batch)

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        """Score one record."""
        return self.model.score_one(record)

    def close(self) -> None:
        """Give the model back."""
        self.shelf.take_back(self.place)


class ShelfLoader:
    """A ``Loader`` that takes its models from a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._events: deque[LoadEvent] = deque()
        self._kept: deque[tuple[Contents, str, bytes]] = deque()

    def submit(self, candidate: CandidateId, descriptor: Descriptor, contents: Contents) -> None:
        """Ask for a candidate to be loaded."""
        self._shelf.ask(self, candidate, descriptor, contents)

    def tell(self, events: list[LoadEvent]) -> None:
        """Take in what the shelf tells."""
        self._events.extend(events)

    def keep(self, contents: Contents, digest: str, content: bytes) -> None:
        """Take in bytes for contents, which are filled at the next poll: by who asked, and not amid what it does."""
        self._kept.append((contents, digest, content))

    def poll(self) -> list[LoadEvent]:
        """Hand out what happened since the last call."""
        self._shelf.move()
        while self._kept:
            contents, digest, content = self._kept.popleft()
            if contents.get(digest) is None:
                contents.put(content)
        return [self._events.popleft() for _ in range(len(self._events))]

    def wait(self, timeout: float) -> bool:
        """Wait until there may be something to hand out, at most so many seconds."""
        return bool(self._events) or self._shelf.wait(timeout)

    def close(self) -> None:
        """Wait for nothing more, and give back what was not handed out."""
        self._shelf.leave(self)
        for event in self.poll():
            if isinstance(event, Loaded):
                event.model.close()


def _identify(descriptor: Descriptor, candidate: CandidateId) -> bytes:
    """Name a load by all that its verdict hangs on; what only names the model is left out."""
    slot, position = candidate
    demands = (
        descriptor.digest or (descriptor.location, slot.data_type, slot.name, position),
        descriptor.model_type,
        [(each.inputs, each.outputs) for each in descriptor.golden],
        descriptor.golden_tolerance,
        {name: list(fields) for name, fields in descriptor.mapping.items()},
        dict(descriptor.options),
    )
    return msgspec.msgpack.encode(demands, order="sorted")


_SHELVES: dict[str, Shelf] = {}
_LOCK = threading.Lock()


def find_shelf(options: LoadOptions, *, in_child: bool) -> Shelf:
    """Give this process's shelf for a way of loading, making it when first asked."""
    name = repr((options, in_child))
    with _LOCK:
        if name not in _SHELVES:
            _SHELVES[name] = Shelf(options, in_child=in_child)
        return _SHELVES[name]


def close_shelves() -> None:
    """End all loaders and close all models of this process."""
    with _LOCK:
        shelves = list(_SHELVES.values())
        _SHELVES.clear()
    for shelf in shelves:
        shelf.close()


atexit.register(close_shelves)
