"""An engine of real parts in a temporary directory, records that a test feeds, and a look at what it does."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from headrace.abc.codec import Codec
from headrace.abc.observer import Observer
from headrace.abc.sink import Sink
from headrace.core.events import Event, Happening
from headrace.core.join import Outcome
from headrace.core.settings import JoinSettings
from headrace.core.states import State
from headrace.engines.embedded import Cadence, EmbeddedEngine, Parts, Summary
from headrace.engines.embedded.parts import Inlet
from headrace.loading import LoadOptions, open_loader
from headrace.records import Command, DeadLetters, Descriptor, GoldenRecord, ModelMessage, Publish, Results, SlotKey
from headrace.stores.contents import DirectoryContents, LayeredContents, MemoryContents
from headrace.stores.state import StateDirectory
from headrace.testing.scaling import FORMATS, write_scaling
from headrace.transports.memory import MemorySource
from headrace.transports.memory_sinks import ListSink
from headrace.transports.model_log import ModelLog, append_message, contents_of
from headrace.wire.descriptor import decode_appended_at, decode_command, encode_command
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout

PATIENCE = 100.0
STILL = 0.2
WINE = SlotKey("wine")
LAYOUT = Layout(ByField("kind"), declared=("wine", "beer"), id_field="id", time_field="at")
SCHEMA = pa.schema([("id", pa.string()), ("kind", pa.string()), ("at", pa.int64()), ("x", pa.float64())])
OPTIONS = LoadOptions(formats=FORMATS, warm_rows=(1,), locations=("file:/",))
QUICK = Cadence(batch_records=64, commit=0.01, poll=0.002, retry=0.01)


def record(number: int, *, kind: str = "wine", x: object = None, at: int | None = None) -> bytes:
    """Write record ``number``: its x is the number, its time the number in milliseconds, unless given."""
    values = {"id": f"r{number}", "kind": kind, "at": number if at is None else at, "x": number if x is None else x}
    return json.dumps(values).encode()


def records(count: int, start: int = 0) -> list[bytes]:
    return [record(number) for number in range(start, start + count)]


class Feed:
    """An iterable that a test fills as it goes."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.given = 0

    def put(self, *items: bytes) -> None:
        for item in items:
            self._items.put(item)

    def end(self) -> None:
        self._items.put(None)

    def __iter__(self) -> Iterator[bytes]:
        while (item := self._items.get()) is not None:
            self.given += 1
            yield item


class Watch:
    """An observer that a test can wait on; ``trace`` is everything in its order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.events: list[Event] = []
        self.rows = 0
        self.committed_rows = -1
        self.trace: list[str] = []

    def happened(self, events: Sequence[object]) -> None:
        with self._changed:
            self.events += cast("Sequence[Event]", events)
            self.trace += [str(cast("Event", event).kind) for event in events]
            self._changed.notify_all()

    def advanced(self, outcome: object) -> None:
        with self._changed:
            self.rows += cast("Outcome", outcome).rows
            self.trace.append(f"{cast('Outcome', outcome).rows} rows")
            self._changed.notify_all()

    def committed(self) -> None:
        with self._changed:
            self.committed_rows = self.rows
            self.trace.append("committed")
            self._changed.notify_all()

    def await_event(self, kind: State | Happening, position: int) -> Event:
        def found() -> list[Event]:
            return [event for event in self.events if event.kind is kind and event.position == position]

        with self._changed:
            assert self._changed.wait_for(found, PATIENCE), f"no {kind} of {position}: {self.trace}"
            return found()[0]

    def await_rows(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.rows >= count, PATIENCE), f"{self.rows} rows: {self.trace}"

    def await_commit(self, rows: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.committed_rows >= rows, PATIENCE), f"no commit: {self.trace}"


@dataclass
class Rig:
    """A model log, a state directory, outputs in lists, and engines over them, one after another."""

    path: Path
    results: ListSink[Results] = field(default_factory=ListSink)
    dead_letters: ListSink[DeadLetters] = field(default_factory=ListSink)
    watch: Watch = field(default_factory=Watch)

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def state(self) -> Path:
        return self.path / "state"

    def send(self, command: Command) -> int:
        return append_message(self.log, lambda at: encode_command(command, appended_at=at))

    def publish(
        self, factor: float, *, kind: str = "wine", scaling: Mapping[str, Any] | None = None, **fields: Any
    ) -> int:
        fields.setdefault("content", write_scaling(factor, **(scaling or {})))
        return self.send(Publish(Descriptor(f"times {factor:g}", kind, **fields)))

    def messages(self) -> tuple[ModelMessage, ...]:
        """Read the whole model log."""
        return ModelLog(self.log, decode_command, decode_appended_at).poll().messages

    def engine(
        self,
        items: Iterable[Any] | Any,
        *,
        settings: JoinSettings | None = None,
        cadence: Cadence = QUICK,
        durable: bool = True,
        endless: bool = True,
        in_child: bool = False,
        options: LoadOptions = OPTIONS,
        capacity: int = 10_000,
        results: Sink[Results] | None = None,
        observers: Sequence[Observer] = (),
        codec: Codec | None = None,
    ) -> EmbeddedEngine:
        state = StateDirectory(self.state) if durable else None
        own = MemoryContents() if state is None else state.contents
        parts = Parts(
            inlets=[Inlet(MemorySource(items, name="feed", capacity=capacity), codec or JsonCodec(LAYOUT, SCHEMA))],
            models=ModelLog(self.log, decode_command, decode_appended_at, follow=endless),
            loader=open_loader(options, in_child=in_child),
            contents=LayeredContents(own, (DirectoryContents(contents_of(self.log)),)),
            results=results or self.results,
            dead_letters=self.dead_letters,
            state=state,
            observers=(self.watch, *observers),
        )
        exclude = frozenset({"id", "kind", "at"})
        return EmbeddedEngine(settings or JoinSettings(exclude=exclude), parts, cadence)

    def run(self, items: Iterable[Any] | Any, **options: Any) -> Summary:
        """Run an engine over a finite source to its end, in this thread."""
        return self.engine(items, **options).run()

    def scored(self) -> list[tuple[str, int, float]]:
        """Give every result as id, position of its version and output, in the order of the output."""
        return [row for results in self.results.items for row in rows_of(results)]

    def refused(self) -> list[tuple[str, str]]:
        """Give every dead letter as its original text and code."""
        found: list[tuple[str, str]] = []
        for letters in self.dead_letters.items:
            assert letters.batch.raw.values is not None
            values = letters.batch.raw.values
            found += [(values[failure.row].as_py().decode(), failure.code) for failure in letters.failures]
        return found


def rows_of(results: Results) -> list[tuple[str, int, float]]:
    assert results.batch.ids is not None
    ids = results.batch.ids.take(pa.array(results.rows)).to_pylist()
    positions = [results.versions[index].position for index in results.version_of.tolist()]
    return list(zip(ids, positions, results.outputs.column(0).to_pylist(), strict=True))


@dataclass
class Running:
    """An engine at work in a thread of its own; ``summary`` or ``error`` is what came of it."""

    engine: EmbeddedEngine
    summary: Summary | None = None
    error: Exception | None = None

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.summary = self.engine.run()
        except Exception as error:  # noqa: BLE001 what a run raises is the test's to judge
            self.error = error

    def join(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the engine does not end"


@contextmanager
def running(engine: EmbeddedEngine) -> Iterator[Running]:
    """Run an engine beside the test, and stop it at the end."""
    run = Running(engine)
    try:
        yield run
    finally:
        engine.stop()
        run.join()


def settled(counts: Callable[[], tuple[int, ...]]) -> tuple[int, ...]:
    """Look at counts until they have stood still for a while, and give them."""
    last, since = counts(), time.monotonic()
    while time.monotonic() - since < STILL:
        if (now := counts()) != last:
            last, since = now, time.monotonic()
        threading.Event().wait(0.005)
    return last


def golden(x: float, y: float) -> GoldenRecord:
    return GoldenRecord({"x": x}, {"y": y})
