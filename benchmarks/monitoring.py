"""``make bench-monitoring``: what it costs an engine to be watched.

Two engines take turns over the same records, in pairs: one is alone, the other has a monitor, and a process beside it
asks as a page and a Prometheus do: it follows the stream of events, reads the slots every two seconds and the metrics
every second. A third engine measures the drift of all inputs and of the output. ``--quick`` takes one round, on little.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from benchmarks.embedded.models import read_wines, train_forest, write_wines
from benchmarks.embedded.rig import Bench, Counting, Rounds, publish
from benchmarks.figures import Figures, interleave, ratios, spread, tell_load
from headrace.core.spreads import find_bins
from headrace.monitor.access import Access
from headrace.monitor.operations import Premises
from headrace.monitor.series import Series
from headrace.monitor.server import Monitor, build_application, take_address
from headrace.monitor.watcher import Watcher
from headrace.records import FieldProfile
from headrace.transports.memory_sinks import NullSink
from headrace.wire.wine import FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.abc.observer import Observer
    from headrace.records import Command, Descriptor

GOAL = 0.97
PATIENCE = 300.0


class Unasked:
    """``Steering`` and ``Records`` that the benchmark does not ask for anything."""

    def publish(self, descriptor: Descriptor) -> tuple[int, Descriptor]:
        """Publish nothing."""
        return -1, descriptor

    def send(self, command: Command) -> int:  # noqa: ARG002
        """Send nothing."""
        return -1

    def read_events(self, limit: int) -> Sequence[Mapping[str, object]]:  # noqa: ARG002
        """Know no earlier run."""
        return []

    def read_dead_letters(self, limit: int) -> Sequence[Mapping[str, object]]:  # noqa: ARG002
        """Have none."""
        return []

    def find_problems(self) -> Sequence[str]:
        """Have none."""
        return []

    def describe_engine(self) -> Mapping[str, object]:
        """Tell nothing."""
        return {}


class Arm:
    """An engine that goes over the records once a round."""

    def __init__(
        self,
        folder: Path,
        content: bytes,
        values: pa.Array,
        observers: Sequence[Observer] = (),
        profile: tuple[FieldProfile, ...] = (),
    ) -> None:
        publish(folder / "log", content, profile=profile)
        self._source = Rounds(values)
        self._sink = Counting(NullSink())
        self._count = len(values)
        self.bench = Bench(folder, self._source, self._sink, observers=observers)

    def run(self) -> float:
        """Go over them, and give how many a second."""
        self._sink.expect(self._count)
        began = time.perf_counter()
        self._source.begin()
        if not self._sink.done.wait(PATIENCE):
            raise SystemExit("the engine gives no results")
        return self._count / (time.perf_counter() - began)


def profile_wines() -> tuple[FieldProfile, ...]:
    """Make a profile of the wines' features and of the forest's output."""
    features, quality = read_wines()
    found = []
    for name, values in zip((*FEATURES, "quality"), (*features.T, quality), strict=True):
        numbers = np.asarray(values, dtype=np.float64)
        edges = np.unique(np.quantile(numbers, np.arange(1, 10) / 10))
        empty = FieldProfile(name, name == "quality", tuple(edges.tolist()))
        counts = np.bincount(find_bins(empty, pa.array(numbers)), minlength=empty.bins)
        found.append(replace(empty, counts=tuple(counts.tolist())))
    return tuple(found)


def watched(arm: Arm, url: str) -> Callable[[], float]:
    """Run an engine while another process asks it."""

    def run() -> float:
        command = [sys.executable, "-m", "benchmarks.visitor", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as asking:
            assert asking.stdout is not None
            asking.stdout.readline()
            try:
                return arm.run()
            finally:
                asking.terminate()

    return run


def measure(figures: Figures, folder: Path, records: int, rounds: int) -> None:
    """Print what watching costs."""
    values, content = write_wines(records), train_forest(10, 5).content
    watcher = Watcher()
    alone, seen = Arm(folder / "alone", content, values), Arm(folder / "seen", content, values, (watcher,))
    profiled = Arm(folder / "profiled", content, values, profile=profile_wines())
    watcher.attach(seen.bench.engine.join)
    with take_address("127.0.0.1", 0) as taken:
        premises = Premises(watcher, Series(), Unasked(), Unasked())
        monitor = Monitor(build_application(premises, Access()), taken)
        monitor.start()
        arms = {"alone": alone.run, "watched": watched(seen, monitor.url), "with drift": profiled.run}
        interleave(arms, 1)
        taken_of = interleave(arms, rounds)
        monitor.close()
    for arm in (alone, seen, profiled):
        arm.bench.close()
    for name, rates in taken_of.items():
        low, middle, high = spread(rates)
        figures.tell(f"{name}, records/s", f"{middle:,.0f} ({low:,.0f} to {high:,.0f})")
    figures.hold("watched by alone", spread(ratios(taken_of["watched"], taken_of["alone"]))[1], GOAL)
    figures.tell("with drift by alone", f"{spread(ratios(taken_of['with drift'], taken_of['alone']))[1]:.3f}")


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring", description=__doc__)
    parser.add_argument("--records", type=int, default=3_000_000, help="how many records a run has")
    parser.add_argument("--quick", action="store_true", help="one pair, on little")
    arguments = parser.parse_args()
    figures = Figures()
    figures.tell("load", tell_load())
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as name:
        measure(figures, Path(name), 10_000 if arguments.quick else arguments.records, 1 if arguments.quick else 11)
    figures.tell("load", tell_load())


if __name__ == "__main__":
    main()
