"""What a person writes without a framework: the tuned client alone, and a loop that scores what it fetches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from confluent_kafka import Consumer, Message, TopicPartition

from headrace.wire.wine import FEATURES, decode_wine

if TYPE_CHECKING:
    from benchmarks.kafka.arms import Watch

BATCH = 2_500
"""Messages a fetch: measured to be the best for these loops. 10,000 leave the processor's cache."""
TUNED = {"fetch.queue.backoff.ms": 1, "queued.min.messages": 1_000_000, "check.crcs": False}
_TAGS = np.array([8 * place + 1 for place in range(1, len(FEATURES) + 1)], np.uint8)
_CELL = 9


def run_bare(bootstrap: str, topic: str, watch: Watch, total: int) -> None:
    """Fetch batches and read each value: no more than every program must."""
    for messages in _fetch(bootstrap, topic, watch, total):
        list(map(Message.value, messages))
        messages.clear()


def run_by_hand(bootstrap: str, topic: str, watch: Watch, total: int, model: str) -> None:
    """Fetch batches, look at the records' fixed layout through NumPy, score them with onnxruntime at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (given,), wanted = session.get_inputs(), [session.get_outputs()[0].name]
    for messages in _fetch(bootstrap, topic, watch, total):
        values: list[Any] = list(map(Message.value, messages))
        session.run(wanted, {given.name: view_wines(values)})
        messages.clear()


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
        count = len(messages)
        yield messages  # emptied there: the next ones take their memory
        watch.count(count)
    consumer.close()
