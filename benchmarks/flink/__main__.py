"""``make bench-flink``: both joins beside a job that only counts, and one that calls onnxruntime for each record.

Starts a broker of its own; each run is a job of its own on a mini cluster of one task, in ``.venv-flink``. A rate is
that of the second half of the results, by the times at which the broker took them: starting Python and loading the
model do not count. ``--quick`` takes each figure once, on little.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import skl2onnx
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.embedded.models import Forest, train_forest, write_wines
from benchmarks.figures import Figures, interleave, ratios, spread, tell_load
from headrace.records import Descriptor, Publish
from headrace.testing.broker import Broker
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import WHOLE, Plan, make_topic
from headrace.wire.descriptor import encode_command

COUNTING = 0.8
ARMS = ("keyed", "partitioned", "counted", "by hand")
PYTHON = Path(".venv-flink/bin/python").absolute()
_PATIENCE = 600
_TAIL = 1_500


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flink", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each figure once, on little")
    parser.add_argument("--rounds", type=int, default=7, help="how often each job runs")
    parser.add_argument("--only", choices=ARMS, action="append", help="take this job (may be given more than once)")
    arguments = parser.parse_args()
    rounds = 1 if arguments.quick else arguments.rounds
    figures = Figures()
    figures.tell("load", tell_load())
    with Broker() as broker, tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        bench = Bench(broker.bootstrap, Path(folder), train_forest(10, 5))
        bench.fill(20_000 if arguments.quick else 200_000)
        taken = interleave({name: partial(bench.rate, name) for name in arguments.only or ARMS}, rounds)
    for name, rates in taken.items():
        low, middle, high = spread(rates)
        figures.tell(f"{bench.forest.name}, {name}", f"{middle:,.0f} records/s ({low:,.0f} to {high:,.0f})")
    for name in ("keyed", "partitioned"):
        if {name, "counted"} <= taken.keys():
            figures.hold(f"{name} by counted", spread(ratios(taken[name], taken["counted"]))[1], COUNTING)
        if {name, "by hand"} <= taken.keys():
            figures.tell(
                f"{name} by onnxruntime for each record", f"{spread(ratios(taken[name], taken['by hand']))[1]:.2f}"
            )
    figures.tell("load", tell_load())


@dataclass(slots=True)
class Bench:
    """Topics, jobs and what they came to."""

    bootstrap: str
    folder: Path
    forest: Forest
    records: int = 0

    @property
    def connection(self) -> Connection:
        """The way to the broker."""
        return Connection(ClientSettings({"bootstrap.servers": self.bootstrap}))

    def fill(self, count: int) -> None:
        """Make topics with so many records and a model, and a file with the model as ONNX."""
        self.records = count
        make_topic(self.connection, Plan("wines", 1, 1))
        make_topic(self.connection, Plan("models", 1, 1, WHOLE))
        producer = Producer({"bootstrap.servers": self.bootstrap, "queue.buffering.max.messages": 2_000_000})
        command = Publish(Descriptor("forest", "wine", model_type="pmml", content=self.forest.content))
        producer.produce("models", encode_command(command))
        values: list[dict[str, Any]] = [{"value": value} for value in write_wines(count).to_pylist()]
        producer.produce_batch("wines", values, partition=0)
        producer.flush()
        options = {id(self.forest.trained): {"zipmap": False}}
        made = skl2onnx.to_onnx(self.forest.trained, np.zeros((1, 11), np.float32), options=options)
        (self.folder / "forest.onnx").write_bytes(made.SerializeToString())

    def rate(self, arm: str) -> float:
        """Give the records a second of a job."""
        out = f"out-{uuid.uuid4().hex[:8]}"
        make_topic(self.connection, Plan(out, 1, 1, {"message.timestamp.type": "LogAppendTime"}))
        make_topic(self.connection, Plan(f"{out}-letters", 1, 1))
        command = [str(PYTHON), "-m", "benchmarks.flink.job", arm, self.bootstrap, "wines", "models", out]
        ran = subprocess.run(
            [*command, str(self.folder / "forest.onnx")],
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_PATIENCE, check=False,
        )  # fmt: skip
        if ran.returncode:
            raise SystemExit(f"the job {arm!r} failed:\n{ran.stdout[-_TAIL:]}")
        times = self._read_times(out)
        if len(times) != self.records:
            raise SystemExit(f"the job {arm!r} wrote {len(times):,} results for {self.records:,} records")
        half = len(times) // 2
        return (len(times) - half) / (times[-1] - times[half]) * 1_000

    def _read_times(self, topic: str) -> list[int]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": topic, "enable.partition.eof": False})
        consumer.assign([TopicPartition(topic, 0, 0)])
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
        times: list[int] = []
        while len(times) < end:
            times += [message.timestamp()[1] for message in consumer.consume(10_000, timeout=5) if not message.error()]
        consumer.close()
        return times


if __name__ == "__main__":
    main()
