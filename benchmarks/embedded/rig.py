"""An engine at work in a thread of its own, over records in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.embedded.models import DATA_TYPE, LAYOUT, open_codec
from headrace.core.settings import JoinSettings
from headrace.engines.embedded import Cadence, EmbeddedEngine, Parts
from headrace.engines.embedded.parts import Inlet
from headrace.loading import LoadOptions, open_loader
from headrace.records import Descriptor, Publish, Raw
from headrace.stores.contents import DirectoryContents, LayeredContents
from headrace.stores.state import StateDirectory
from headrace.transports.file_sinks import FileSink
from headrace.transports.memory_sinks import NullSink
from headrace.transports.model_log import ModelLog, append_message, contents_of
from headrace.wire.dead_letters import encode_dead_letters
from headrace.wire.descriptor import decode_appended_at, decode_command, encode_command

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.abc.observer import Observer
    from headrace.abc.sink import Sink
    from headrace.abc.source import RecordSource
    from headrace.records import Results

BATCH = 4_096


class Rounds:
    """A ``RecordSource`` over one array of values, given again in each round."""

    def __init__(self, values: pa.Array) -> None:
        self.name = "wines"
        self.partitions: Sequence[int] = (0,)
        self.replayable = False
        self._values = values
        self._given = len(values)
        self._next = 0
        self._ended = False
        self._wake: Callable[[], None] = lambda: None

    def start(self, wake: Callable[[], None]) -> None:
        """Begin, with nothing to give yet."""
        self._wake = wake

    def resume(self, partition: int, done: int) -> None:  # noqa: ARG002 there is one
        """Go on after a record."""
        self._next = done + 1

    def read(self, partition: int, most: int) -> Raw | None:
        """Give what is left of the round."""
        if self._given >= len(self._values):
            return None
        values = self._values[self._given : self._given + most]
        self._given += len(values)
        offsets = np.arange(self._next, self._next + len(values), dtype=np.int64)
        self._next += len(values)
        return Raw(self.name, partition, offsets, values=values)

    def exhausted(self, partition: int) -> bool:  # noqa: ARG002
        """Whether the last round is over."""
        return self._ended and self._given >= len(self._values)

    def begin(self) -> None:
        """Give the values once more."""
        self._given = 0
        self._wake()

    def close(self) -> None:
        """Give back nothing."""


class Counting:
    """A sink around another that tells when so many results have been written."""

    exactly_once = True

    def __init__(self, sink: Sink[Results]) -> None:
        self._sink = sink
        self._left = 0
        self.done = threading.Event()

    def expect(self, count: int) -> None:
        """Count anew."""
        self.done.clear()
        self._left = count

    def recover(self, place: Any) -> None:
        """Pass on."""
        self._sink.recover(place)

    def write(self, written: Results) -> None:
        """Pass on and count."""
        self._sink.write(written)
        self._left -= len(written)
        if self._left <= 0:
            self.done.set()

    def commit(self) -> Any:
        """Pass on."""
        return self._sink.commit()

    def close(self) -> None:
        """Pass on."""
        self._sink.close()


def publish(log: Path, content: bytes, name: str = "model", **fields: Any) -> int:
    """Publish as the command does: bytes by digest, then a message that names the digest."""
    digest = DirectoryContents(contents_of(log)).put(content)
    descriptor = Descriptor(name, DATA_TYPE, digest=digest, replaces_signature=True, **fields)
    return append_message(log, lambda at: encode_command(Publish(descriptor), appended_at=at))


class Bench:
    """An engine with a state directory, running until it is closed."""

    def __init__(
        self,
        folder: Path,
        source: RecordSource,
        results: Sink[Results] | None = None,
        *,
        observers: Sequence[Observer] = (),
        in_child: bool = False,
        batch: int = BATCH,
    ) -> None:
        state = StateDirectory(folder / "state")
        log = folder / "log"
        parts = Parts(
            inlets=[Inlet(source, open_codec())],
            models=ModelLog(log, decode_command, decode_appended_at),
            loader=open_loader(LoadOptions(exclude=LAYOUT.named_fields()), in_child=in_child),
            contents=LayeredContents(state.contents, (DirectoryContents(contents_of(log)),)),
            results=results or NullSink(),
            dead_letters=FileSink(folder / "dead_letters.jsonl", encode_dead_letters),
            state=state,
            observers=observers,
        )
        settings = JoinSettings(exclude=frozenset(LAYOUT.named_fields()))
        self.engine = EmbeddedEngine(settings, parts, Cadence(batch_records=batch))
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.engine.run()
        except BaseException as error:  # noqa: BLE001 told when the bench is closed
            self._error = error

    def close(self) -> None:
        """Stop the engine."""
        self.engine.stop()
        self._thread.join()
        if self._error is not None:
            raise self._error
