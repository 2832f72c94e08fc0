"""One arm of the comparison, in a process of its own: ``python -m benchmarks.kafka.arms ARM BOOTSTRAP TOPIC ...``.

Prints the records a second over the second half of the run, so that starting and the first fetches do not count.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.embedded.models import open_codec
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
from headrace.wire.results import encode_json
from headrace.wire.wine import FEATURES, decode_wine

BATCH = 10_000
TUNED = {"fetch.queue.backoff.ms": 1, "queued.min.messages": 1_000_000, "check.crcs": False}
_TAGS = np.array([8 * place + 1 for place in range(1, len(FEATURES) + 1)], np.uint8)
_CELL = 9
ENGINES = {
    "engine, no output": (Delivery.AT_LEAST_ONCE, False),
    "engine, at least once": (Delivery.AT_LEAST_ONCE, True),
    "engine, exactly once": (Delivery.EXACTLY_ONCE, True),
}


class Watch:
    """Takes the rate over the second half; an ``Observer`` of an engine as well."""

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
        if self.rows >= self._total:
            self.stop()


def run_bare(bootstrap: str, topic: str, watch: Watch, total: int) -> None:
    """Fetch batches and read each value: no more than every program must."""
    for messages in _fetch(bootstrap, topic, watch, total):
        list(map(Message.value, messages))


def run_by_hand(bootstrap: str, topic: str, watch: Watch, total: int, model: str) -> None:
    """Fetch batches, look at the records' fixed layout through NumPy, score them with onnxruntime at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (given,), wanted = session.get_inputs(), [session.get_outputs()[0].name]
    for messages in _fetch(bootstrap, topic, watch, total):
        session.run(wanted, {given.name: view_wines([message.value() for message in messages])})


def view_wines(values: list[bytes]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Read wines by their layout: eleven tagged doubles and a text; one that leaves a zero out is read by protobuf."""
    data = np.frombuffer(b"".join(values), np.uint8)
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    starts = np.cumsum(lengths) - lengths
    whole = np.flatnonzero(lengths >= _CELL * len(_TAGS))
    cells = data[starts[whole][:, None] + np.arange(_CELL * len(_TAGS))]
    fits = (cells[:, ::_CELL] == _TAGS).all(axis=1)
    doubles = np.ascontiguousarray(cells.reshape(len(whole), -1, _CELL)[:, :, 1:]).view("<f8")[:, :, 0]
    read = np.zeros((len(values), len(_TAGS)), np.float32)
    read[whole[fits]] = doubles[fits]
    others = np.ones(len(values), np.bool_)
    others[whole[fits]] = False
    for row in np.flatnonzero(others).tolist():
        read[row] = list(decode_wine(values[row])[0].values())
    return read


def _fetch(bootstrap: str, topic: str, watch: Watch, total: int) -> Any:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False, **TUNED})
    consumer.assign([TopicPartition(topic, 0, 0)])
    while watch.rows < total:
        messages = consumer.consume(BATCH, 1.0)
        yield messages
        watch.count(len(messages))
    consumer.close()


def run_engine(name: str, bootstrap: str, topic: str, watch: Watch) -> None:
    """Run the engine until all records are committed."""
    delivery, output = ENGINES[name]
    connection = Connection(ClientSettings({"bootstrap.servers": bootstrap}))
    run = f"bench-{uuid.uuid4().hex[:8]}"
    codec = open_codec()
    parts = Parts(
        connection=connection,
        group=Group(run, "bench"),
        topics=Topics({topic: codec}, f"{topic}-letters", run, f"{topic}-results" if output else ""),
        encoders=Encoders(encode_json, lambda letters: encode_dead_letters(letters).splitlines(), lambda _: b""),
        models=ModelTopic(connection, f"{topic}-models", decode_command, wait=0.02),
        loader=open_loader(LoadOptions()),
        contents=MemoryContents(),
        manner=Manner(delivery, headers=False),
        observers=(watch,),
    )
    settings = JoinSettings(no_model=NoModelPolicy.HOLD, exclude=frozenset({"dataType"}), queue_records=2 * BATCH)
    engine = KafkaEngine(settings, parts, Cadence(batch_records=BATCH, commit=0.1))
    watch.stop = engine.stop
    engine.run()


def main() -> None:
    """Run one arm and print its rate."""
    arm, bootstrap, topic, total, model = sys.argv[1:]
    watch = Watch(int(total))
    if arm == "bare client":
        run_bare(bootstrap, topic, watch, int(total))
    elif arm == "loop by hand":
        run_by_hand(bootstrap, topic, watch, int(total), str(Path(model)))
    else:
        run_engine(arm, bootstrap, topic, watch)
    print(watch.rate(), flush=True)


if __name__ == "__main__":
    main()
