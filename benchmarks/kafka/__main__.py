"""``make bench-kafka``: records a second from one partition of wines, beside the bare client and a loop by hand.

Starts a broker of its own. Each arm is a process of its own; rates are over the second half of the run. ``--quick``
takes each figure once, on little, to see that the benchmark works.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import skl2onnx
from confluent_kafka import Producer

from benchmarks.embedded.models import Forest, train_forest, write_wines
from benchmarks.figures import Figures, interleave, ratios, spread, tell_load
from benchmarks.kafka.arms import ENGINES
from headrace.records import Descriptor, Publish
from headrace.testing.broker import Broker
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.publishing import ModelPublisher
from headrace.transports.kafka.settings import ClientSettings
from headrace.transports.kafka.topics import WHOLE, Plan, make_topic
from headrace.wire.descriptor import encode_command
from headrace.wire.wine import FEATURES

LEVEL = 0.95
STRETCH = 0.6


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kafka", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each figure once, on little")
    quick = parser.parse_args().quick
    figures = Figures()
    figures.tell("load", tell_load())
    with Broker(java=("-Xmx1g", "-Xms1g")) as broker, tempfile.TemporaryDirectory(prefix="headrace-bench-") as name:
        small, large = train_forest(10, 5), train_forest(5 if quick else 100, 5 if quick else None)
        for place, forest, records in (("small", small, 1_000_000), ("large", large, 200_000)):
            count = 50_000 if quick else records
            _measure(figures, broker.bootstrap, place, forest, count, 1 if quick else 7, Path(name))
    figures.tell("load", tell_load())


def _measure(
    figures: Figures, bootstrap: str, topic: str, forest: Forest, count: int, rounds: int, folder: Path
) -> None:
    _fill(bootstrap, topic, forest, count)
    model = folder / f"{topic}.onnx"
    sample = np.zeros((1, len(FEATURES)), np.float32)
    made = skl2onnx.to_onnx(forest.trained, sample, options={id(forest.trained): {"zipmap": False}})
    model.write_bytes(made.SerializeToString())
    arms: dict[str, Callable[[], float]] = {
        arm: partial(_run, arm, bootstrap, topic, count, model) for arm in ("bare client", "loop by hand", *ENGINES)
    }
    taken = interleave(arms, rounds)
    for arm, rates in taken.items():
        low, middle, high = spread(rates)
        figures.tell(f"{forest.name}, {arm}", f"{middle:,.0f} records/s ({low:,.0f} to {high:,.0f})")
    engine = taken["engine, no output"]
    figures.hold(f"{forest.name}, beside the loop by hand", spread(ratios(engine, taken["loop by hand"]))[1], LEVEL)
    if topic == "small":
        beside = spread(ratios(engine, taken["bare client"]))[1]
        figures.hold(f"{forest.name}, beside the bare client", beside, STRETCH)


def _fill(bootstrap: str, topic: str, forest: Forest, count: int) -> None:
    connection = Connection(ClientSettings({"bootstrap.servers": bootstrap}))
    for name in (topic, f"{topic}-letters", f"{topic}-results"):
        make_topic(connection, Plan(name, 1, 1))
    make_topic(connection, Plan(f"{topic}-models", 1, 1, WHOLE))
    descriptor = Descriptor("forest", "wine", model_type="pmml", content=forest.content)
    with ModelPublisher(connection, f"{topic}-models") as publisher:
        publisher.append(encode_command(Publish(descriptor)), "publish", "wine", "")
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 2_000_000})
    values: list[dict[str, Any]] = [{"value": value} for value in write_wines(count).to_pylist()]
    producer.produce_batch(topic, values, partition=0)
    producer.flush()


def _run(arm: str, bootstrap: str, topic: str, count: int, model: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.kafka.arms", arm, bootstrap, topic, str(count), str(model)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
