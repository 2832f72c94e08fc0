"""``make bench-spark``: rates beside a pipeline that only counts, and how long a record waits in micro-batches.

Starts a broker of its own. A rate is that of the median micro-batch: the first one of each Python process starts it and
loads the model. A wait is from the scheduled moment of sending to the moment at which the result is read, at a steady
rate.
``--quick`` takes each figure once, on little, to see that the benchmark works.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.embedded.models import Forest, train_forest, write_wines
from benchmarks.figures import Figures, interleave, ratios, spread, tell_load
from benchmarks.spark.counting import count_records
from benchmarks.spark.wines import Wines
from headrace.core.settings import JoinSettings
from headrace.engines.spark import open_session, results, serve
from headrace.records import Descriptor, NoModelPolicy, Publish
from headrace.testing.broker import Broker
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import WHOLE, Plan, make_topic
from headrace.wire.descriptor import encode_command

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

WHAT = ("rates", "waits", "real-time")
COUNTING = 0.8
CHOSEN = ("position", "offset", "outputs.quality")
"""What a line says of a result: which record, which model, what it gave. A counted line says no more."""
_SERVE = partial(serve, settings=JoinSettings(no_model=NoModelPolicy.HOLD))
ARMS: dict[str, Callable[..., DataFrame]] = {
    "served": partial(_SERVE, members=CHOSEN),
    "served, whole results": _SERVE,
    "counted": count_records,
}


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each figure once, on little")
    parser.add_argument("--rounds", type=int, default=7, help="how often each rate is taken")
    parser.add_argument("--only", action="append", choices=WHAT, help="this part alone; may be given again")
    arguments = parser.parse_args()
    quick, what = arguments.quick, arguments.only or WHAT
    os.environ["PYTHONPATH"] = str(Path.cwd())  # workers import this package
    figures = Figures()
    figures.tell("load", tell_load())
    with Broker() as broker, tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        spark = open_session("local[2]", {"spark.sql.shuffle.partitions": "2"})
        bench = Bench(spark, broker.bootstrap, Path(folder), train_forest(10, 5))
        if "rates" in what:
            _tell_rates(figures, bench, 20_000 if quick else 500_000, 1 if quick else arguments.rounds)
        if "waits" in what:
            _tell_waits(figures, bench, 200 if quick else 1_000, 10 if quick else 60)
        if "real-time" in what:
            figures.tell("real-time trigger", bench.try_real_time())
        spark.stop()
    figures.tell("load", tell_load())


def _tell_rates(figures: Figures, bench: Bench, count: int, rounds: int) -> None:
    records = bench.fill(count)
    taken = interleave({name: partial(bench.rate, name, records, count) for name in ARMS}, rounds)
    for name, rates in taken.items():
        low, middle, high = spread(rates)
        figures.tell(f"{bench.forest.name}, {name}", f"{middle:,.0f} records/s ({low:,.0f} to {high:,.0f})")
    for name in ("served", "served, whole results"):
        figures.hold(f"{name} by counted", spread(ratios(taken[name], taken["counted"]))[1], COUNTING)


def _tell_waits(figures: Figures, bench: Bench, rate: int, seconds: int) -> None:
    for name in ("served", "counted"):
        waits, batch = bench.wait(name, rate, seconds)
        waits.sort()
        at = {part: waits[min(len(waits) - 1, int(len(waits) * part))] for part in (0.5, 0.99)}
        told = f"median {at[0.5]:.0f} ms, p99 {at[0.99]:.0f} ms, greatest {waits[-1]:.0f} ms"
        figures.tell(f"{name}, wait at {rate:,} records/s", f"{told}; a micro-batch takes {batch:.0f} ms")


@dataclass(frozen=True, slots=True)
class Bench:
    """Topics, queries and what they came to."""

    spark: SparkSession
    bootstrap: str
    folder: Path
    forest: Forest

    def fill(self, count: int) -> str:
        """Make topics with so many records and a model; give their name."""
        name = uuid.uuid4().hex[:8]
        connection = Connection(ClientSettings({"bootstrap.servers": self.bootstrap}))
        make_topic(connection, Plan(name, 1, 1))
        make_topic(connection, Plan(f"{name}-models", 1, 1, WHOLE))
        producer = Producer({"bootstrap.servers": self.bootstrap, "queue.buffering.max.messages": 2_000_000})
        command = Publish(Descriptor("forest", "wine", model_type="pmml", content=self.forest.content))
        producer.produce(f"{name}-models", encode_command(command))
        values: list[dict[str, Any]] = [{"value": value} for value in write_wines(count).to_pylist()]
        producer.produce_batch(name, values, partition=0)
        producer.flush()
        return name

    def rate(self, arm: str, topic: str, count: int) -> float:
        """Give the records a second of an arm over a filled topic."""
        query, _ = self._start(arm, topic, max(1_000, count // 10), {"availableNow": True})
        query.awaitTermination()
        told = [json.loads(progress.json) for progress in query.recentProgress]
        most = int(max(each["numInputRows"] for each in told))
        whole = [float(each["durationMs"]["triggerExecution"]) for each in told if each["numInputRows"] > most / 2]
        return most / spread(whole)[1] * 1_000

    def wait(self, arm: str, rate: int, seconds: int) -> tuple[list[float], float]:
        """Give how many milliseconds records waited at a steady rate, and how long a micro-batch took."""
        topic = self.fill(rate)
        query, out = self._start(arm, topic, 10**9, {"processingTime": "0 seconds"})
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": out, "fetch.wait.max.ms": 5})
        consumer.assign([TopicPartition(out, 0, 0)])
        read = 0
        while read < rate:  # the first micro-batch starts Python and loads the model
            read += sum(message.error() is None for message in consumer.consume(1_000, timeout=0.1))
        began = time.perf_counter() + 0.5
        sending = threading.Thread(target=self._send, args=(topic, rate, seconds, began))
        sending.start()
        waits: list[float] = []
        while len(waits) < rate * seconds:
            for message in consumer.consume(1_000, timeout=0.01):
                number = json.loads(message.value() or b"")["offset"] - rate
                waits.append((time.perf_counter() - began - number / rate) * 1_000)
        sending.join()
        batches = [json.loads(progress.json)["durationMs"]["triggerExecution"] for progress in query.recentProgress]
        query.stop()
        consumer.close()
        return waits[len(waits) // 10 :], spread(batches[1:])[1]

    def try_real_time(self) -> str:
        """Say what comes of Spark's trigger for low latency."""
        try:
            query, _ = self._start("served", self.fill(10), 10**9, {"realTime": "5 seconds"})
            query.awaitTermination(30)
            query.stop()
        except Exception as error:  # noqa: BLE001 whatever it says is the figure
            return f"refused: {str(error).splitlines()[0][:200]}"
        return "runs"

    def _send(self, topic: str, rate: int, seconds: int, began: float) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 1})
        for number, value in enumerate(write_wines(rate * seconds).to_pylist()):
            delay = began + number / rate - time.perf_counter()
            if delay > 0:
                producer.poll(0)
                time.sleep(delay)
            producer.produce(topic, value, partition=0)
        producer.flush()

    def _start(self, arm: str, topic: str, most: int, trigger: dict[str, Any]) -> tuple[StreamingQuery, str]:
        out = f"out-{uuid.uuid4().hex[:8]}"
        make_topic(Connection(ClientSettings({"bootstrap.servers": self.bootstrap})), Plan(out, 1, 1))
        servers = {"kafka.bootstrap.servers": self.bootstrap}
        source = self.spark.readStream.format("kafka").options(**servers, startingOffsets="earliest")
        records = source.option("subscribe", topic).option("maxOffsetsPerTrigger", most).load()
        models = self.spark.readStream.format("kafka").options(**servers, startingOffsets="earliest")
        served = ARMS[arm](records, models.option("subscribe", f"{topic}-models").load(), Wines())
        writing = results(served).select("value").writeStream.format("kafka").options(**servers, topic=out)
        writing = writing.option("checkpointLocation", str(self.folder / out)).outputMode("append")
        return writing.trigger(**trigger).start(), out


if __name__ == "__main__":
    main()
