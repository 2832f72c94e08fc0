"""One arm of the comparison, in a process of its own: ``python -m benchmarks.kafka.arms ARM BOOTSTRAP TOPIC ...``.

The further arguments are the number of records and the ONNX model of the loop by hand. Prints the records a second over
the second half of the run, so that starting and the first fetches do not count. With a count of 0 the engine serves
until its standard input ends.
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.embedded.models import LAYOUT, open_codec
from benchmarks.kafka.loops import run_bare, run_by_hand
from headrace.core.settings import JoinSettings
from headrace.engines.kafka.engine import KafkaEngine
from headrace.engines.kafka.parts import Delivery, Encoders, Group, Manner, Parts, Topics
from headrace.loading import LoadOptions, open_loader
from headrace.machinery.parts import Cadence
from headrace.records import NoModelPolicy
from headrace.stores.contents import MemoryContents
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.models import ModelTopic
from headrace.transports.kafka.settings import ClientSettings
from headrace.wire.dead_letters import encode_dead_letters
from headrace.wire.descriptor import decode_command
from headrace.wire.results import Selection, encode_json

BATCH = 10_000
LOOPS = ("bare client", "loop by hand")
WHOLE = frozenset[str]()
SHORT = frozenset({"position", "outputs.quality"})
"""What the results of Kafka Streams hold too: which model, and the quality."""
ENGINES = {
    "engine, no output": (Delivery.AT_LEAST_ONCE, False, WHOLE),
    "engine, at least once": (Delivery.AT_LEAST_ONCE, True, SHORT),
    "engine, exactly once": (Delivery.EXACTLY_ONCE, True, SHORT),
    "engine, at least once, whole results": (Delivery.AT_LEAST_ONCE, True, WHOLE),
    "engine, exactly once, whole results": (Delivery.EXACTLY_ONCE, True, WHOLE),
}


class Watch:
    """Takes the rate over the second half; an ``Observer`` of an engine as well. A ``total`` of 0 never ends."""

    def __init__(self, total: int) -> None:
        self._total, self.rows = total, 0
        self._half: tuple[float, int] | None = None
        self.stop: Callable[[], None] = lambda: None

    def count(self, rows: int) -> None:
        """Count records that are done."""
        self.rows += rows
        if self._half is None and self.rows >= self._total // 2:
            self._half = (time.perf_counter(), self.rows)

    def rate(self) -> float:
        """Give records a second."""
        assert self._half is not None
        began, rows = self._half
        return (self.rows - rows) / (time.perf_counter() - began)

    def happened(self, events: Sequence[object]) -> None:
        """Nothing."""

    def advanced(self, outcome: Any) -> None:
        """Count."""
        self.count(outcome.rows)

    def committed(self) -> None:
        """End where all is done: what is committed counts."""
        if self._total and self.rows >= self._total:
            self.stop()


def run_engine(name: str, bootstrap: str, topic: str, watch: Watch, batch: int) -> None:
    """Run the engine until the watch stops it, all records committed."""
    delivery, output, members = ENGINES[name]
    selection = Selection(members)
    connection = Connection(ClientSettings({"bootstrap.servers": bootstrap}))
    run = f"bench-{uuid.uuid4().hex[:8]}"
    codec = open_codec()
    parts = Parts(
        connection=connection,
        group=Group(run, "bench"),
        topics=Topics({topic: codec}, f"{topic}-letters", run, f"{topic}-results" if output else ""),
        encoders=Encoders(
            lambda results: encode_json(results, selection),
            lambda letters: encode_dead_letters(letters).splitlines(),
            lambda _: b"",
        ),
        models=ModelTopic(connection, f"{topic}-models", decode_command, wait=0.02),
        loader=open_loader(LoadOptions(exclude=LAYOUT.named_fields()), in_child=True),
        contents=MemoryContents(),
        manner=Manner(delivery, headers=False),
        observers=(watch,),
    )
    excluded = frozenset(LAYOUT.named_fields())
    settings = JoinSettings(no_model=NoModelPolicy.HOLD, exclude=excluded, queue_records=2 * batch)
    engine = KafkaEngine(settings, parts, Cadence(batch_records=batch, commit=0.1))
    watch.stop = engine.stop
    engine.run()


def main() -> None:
    """Run one arm and print its rate."""
    arm, bootstrap, topic, told, model = sys.argv[1:]
    total = int(told)
    watch = Watch(total)
    if arm == "bare client":
        run_bare(bootstrap, topic, watch, total)
    elif arm == "loop by hand":
        run_by_hand(bootstrap, topic, watch, total, model)
    elif total == 0:
        threading.Thread(target=lambda: (sys.stdin.read(), watch.stop()), daemon=True).start()
        run_engine(arm, bootstrap, topic, watch, BATCH)
        return
    else:
        run_engine(arm, bootstrap, topic, watch, BATCH)
    print(watch.rate(), flush=True)


if __name__ == "__main__":
    main()
