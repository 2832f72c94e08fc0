"""``make bench-kafka``: records a second from one partition, and how long a record waits, beside other programs.

Starts a broker of its own. Each arm is a process of its own; rates are over the second half of the run. Beside the
engine: the bare client, a loop by hand, Kafka Streams with JPMML, and Quix Streams with onnxruntime. ``--quick`` takes
each figure once, on little, to see that the benchmark works.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.embedded.models import Forest, train_forest
from benchmarks.figures import Figures, interleave, ratios, spread, tell_load
from benchmarks.kafka.arms import ENGINES, LOOPS
from benchmarks.kafka.latency import Times, list_servers, measure_arrival, measure_latency
from benchmarks.kafka.peers import quix
from benchmarks.kafka.peers.streams import Streams, build
from benchmarks.kafka.topics import fill, make_topics, publish, publish_to_peers, to_onnx
from headrace.testing.broker import Broker

WHAT = ("small", "large", "latency", "arrival")
STREAMS = {
    "Kafka Streams, no output": (False, False),
    "Kafka Streams, at least once": (True, False),
    "Kafka Streams, exactly once": (True, True),
}
QUIX = {"Quix Streams, no output": False, "Quix Streams, at least once": True}
GOALS = {
    "small": [
        ("engine, no output", "loop by hand", 0.95),
        ("engine, no output", "bare client", 0.6),
        ("engine, no output", "Kafka Streams, no output", 6),
        ("engine, exactly once", "Kafka Streams, at least once", 4),
        ("engine, no output", "Quix Streams, no output", 10),
    ],
    "large": [
        ("engine, no output", "loop by hand", 0.95),
        ("engine, no output", "Kafka Streams, no output", 15),
    ],
}
"""Which arm by which other, at least."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The broker and the programs."""

    bootstrap: str
    folder: Path
    streams: Streams | None
    quix: Path | None

    def measure(self, figures: Figures, topic: str, forest: Forest, count: int, rounds: int, arms: list[str]) -> None:
        """Print the rates of every arm over a topic of so many records."""
        make_topics(self.bootstrap, topic)
        publish(self.bootstrap, topic, "forest", forest.content)
        publish_to_peers(self.bootstrap, topic, "forest", forest.content)
        fill(self.bootstrap, topic, count)
        model = self.folder / f"{topic}.onnx"
        model.write_bytes(to_onnx(forest))
        runs = {name: run for name, run in self.list_arms(topic, count, model).items() if not arms or name in arms}
        taken = interleave({name: partial(_tell, name, run) for name, run in runs.items()}, rounds)
        for arm, rates in taken.items():
            low, middle, high = spread(rates)
            figures.tell(f"{forest.name}, {arm}", f"{middle:,.0f} records/s ({low:,.0f} to {high:,.0f})")
        for above, below, goal in GOALS[topic]:
            if above in taken and below in taken:
                low, middle, high = spread(ratios(taken[above], taken[below]))
                name = f"{forest.name}, {above} by {below} ({low:.2f} to {high:.2f})"
                figures.hold(name, middle, goal)

    def list_arms(self, topic: str, count: int, model: Path) -> dict[str, Callable[[], float]]:
        """List all that can be measured here."""
        arms: dict[str, Callable[[], float]] = {}
        for arm in (*LOOPS, *ENGINES):
            given = arm, self.bootstrap, topic, str(count), str(model)
            arms[arm] = partial(_run, [sys.executable, "-m", "benchmarks.kafka.arms", *given])
        if self.streams is not None:
            for arm, (output, exactly) in STREAMS.items():
                names = topic, f"{topic}-peers-models", f"{topic}-peers-results" if output else ""
                command = self.streams.command(self.bootstrap, *names, total=count, exactly_once=exactly)
                arms[arm] = partial(self.streams.rate, command)
        if self.quix is not None:
            for arm, output in QUIX.items():
                results = f"{topic}-peers-results" if output else "-"
                arms[arm] = partial(quix.rate, self.quix, self.bootstrap, topic, results, count, model)
        return arms


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kafka", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each figure once, on little")
    parser.add_argument("--rounds", type=int, default=7, help="how often each figure is taken")
    parser.add_argument("--only", action="append", choices=WHAT, help="this part alone; may be given again")
    parser.add_argument("--arm", action="append", help="these arms of the rates alone; may be given again")
    arguments = parser.parse_args()
    quick, what = arguments.quick, arguments.only or WHAT
    rounds = 1 if quick else arguments.rounds
    figures = Figures()
    figures.tell("load", tell_load())
    with Broker(java=("-Xmx1g", "-Xms1g")) as broker, tempfile.TemporaryDirectory(prefix="headrace-bench-") as name:
        folder = Path(name)
        arms = arguments.arm or []
        streams = build(folder / "streams") if _is_wanted("Kafka Streams", arms, what) else None
        bench = Bench(broker.bootstrap, folder, streams, quix.find() if _is_wanted("Quix", arms, what) else None)
        small, large = train_forest(10, 5), train_forest(5 if quick else 100, 5 if quick else None)
        for topic, forest, count in (("small", small, 1_000_000), ("large", large, 200_000)):
            if topic in what:
                bench.measure(figures, topic, forest, 20_000 if quick else count, rounds, arms)
        servers = list_servers(broker.bootstrap, bench.streams)
        times = Times(1, 2) if quick else Times(8, 12)
        for rate in (1_000, 10_000) if "latency" in what else ():
            measure_latency(figures, broker.bootstrap, servers, small, rate, times, rounds)
        if "arrival" in what:
            alike = [server for server in servers if server.name.endswith("at least once")]
            measure_arrival(figures, broker.bootstrap, alike, (small, large), times, rounds)
    figures.tell("load", tell_load())


def _is_wanted(program: str, arms: list[str], what: Sequence[str]) -> bool:
    """Tell whether a program is measured at all: building it takes its time."""
    if program == "Kafka Streams" and {"latency", "arrival"} & set(what):
        return True
    return not arms or any(arm.startswith(program) for arm in arms)


def _tell(name: str, run: Callable[[], float]) -> float:
    """Tell how far a long benchmark is."""
    rate = run()
    print(f"  {name}: {rate:,.0f} records/s", file=sys.stderr, flush=True)
    return rate


def _run(command: list[str]) -> float:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
