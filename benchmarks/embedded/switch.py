"""What a model's arrival costs the records: open loop, 1,000 records a second, latency from each one's due time.

The window from the arrival to one second after the switch is held against an equal quiet one just before it. The model
is published by another process, as ``headrace publish`` does, and checked in the loader's child. Each run is a new
engine; the figures are medians over the runs, the greatest wait is that of each run.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from benchmarks.embedded.models import Forest, write_wines
from benchmarks.embedded.rig import Bench, Rounds, publish
from benchmarks.figures import Figures, spread, tell_load
from headrace.core.states import State
from headrace.transports.pacing import PacedSource

if TYPE_CHECKING:
    from headrace.core.events import Event
    from headrace.records import Results

RATE = 1_000
AFTER = 1.0
SPARE = 1.3
SETTLED = 1.0
MOST = 120
PATIENCE = 120.0
PUBLISHER = """
import sys, time
from pathlib import Path
from benchmarks.embedded.rig import publish
log, file = map(Path, sys.argv[1:])
content = file.read_bytes()
print("ready", flush=True)
sys.stdin.readline()
publish(log, content, name="newcomer")
print(time.monotonic(), flush=True)
"""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Goals:
    """What a switch may cost: the ratio of the 99.9th percentiles (None: no goal), and the greatest wait in ms."""

    ratio: float | None
    wait_ms: float


class Stamps:
    """A sink that notes when each result was written; an observer that notes when models begin to serve."""

    exactly_once = True

    def __init__(self) -> None:
        self.written = np.zeros(MOST * RATE)
        self.serving: dict[int, float] = {}
        self._changed = threading.Condition()

    def recover(self, place: object) -> None:
        """Take nothing back."""

    def write(self, written: Results) -> None:
        """Note the time."""
        self.written[written.batch.raw.offsets[written.rows]] = time.monotonic()

    def commit(self) -> dict[str, object]:
        """Name no place."""
        return {}

    def close(self) -> None:
        """Do nothing."""

    def happened(self, events: Sequence[object]) -> None:
        """Note switches."""
        for event in cast("Sequence[Event]", events):
            if event.kind is State.REJECTED:
                raise SystemExit(f"the model was refused: {event.reason}")
            if event.kind is State.SERVING:
                with self._changed:
                    self.serving[event.position] = time.monotonic()
                    self._changed.notify_all()

    def advanced(self, outcome: object) -> None:
        """Leave results to the sink."""

    def committed(self) -> None:
        """Need nothing."""

    def await_serving(self, position: int) -> float:
        """Wait until a publication serves, and give when that was."""
        with self._changed:
            if not self._changed.wait_for(lambda: position in self.serving, PATIENCE):
                raise SystemExit("the model does not serve")
            return self.serving[position]


def measure_switch(
    figures: Figures, folder: Path, what: str, first: Forest, content: bytes, goals: Goals, runs: int
) -> None:
    """Print what the arrival of a model costs."""
    quiet, switch, took = [], [], []
    window = run_once(folder / "trial", first, content, 1.0)[2] * SPARE
    for number in range(runs):
        before, during, length = run_once(folder / str(number), first, content, window)
        quiet.append(before)
        switch.append(during)
        took.append(length - AFTER)
    figures.tell(f"{what}, {len(content) / 2**20:.0f} MiB, from arrival to switch, s", f"{spread(took)[1]:.2f}")
    for name, share in {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}.items():
        both = [spread([float(np.percentile(run, share)) for run in runs_])[1] for runs_ in (quiet, switch)]
        figures.tell(f"{what}, {name}, quiet and switch, ms", f"{both[0]:.2f} and {both[1]:.2f}")
    tails = [[float(np.percentile(run, 99.9)) for run in runs_] for runs_ in (switch, quiet)]
    ratio = spread([one / other for one, other in zip(*tails, strict=True)])[1]
    if goals.ratio is None:
        figures.tell(f"{what}, p99.9 by the quiet one", f"{ratio:.2f}")
    else:
        figures.hold(f"{what}, p99.9 by the quiet one", ratio, goals.ratio, most=True)
    worst = [float(run.max()) for run in switch]
    figures.tell(f"{what}, greatest wait of each run, ms", ", ".join(f"{each:.1f}" for each in sorted(worst)))
    figures.hold(f"{what}, greatest wait (median run)", spread(worst)[1], goals.wait_ms, " ms", most=True)
    figures.tell("load", tell_load())


def run_once(folder: Path, first: Forest, content: bytes, window: float) -> tuple[Floats, Floats, float]:
    """Run one engine through one switch; give latencies (ms), quiet and during the switch, and its length (s)."""
    log = folder / "log"
    publish(log, first.content)
    model = folder / "newcomer"
    model.write_bytes(content)
    stamps = Stamps()
    rounds = Rounds(write_wines(MOST * RATE))
    source = PacedSource(rounds, RATE)
    publisher = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(log), str(model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert publisher.stdin is not None
    assert publisher.stdout is not None
    publisher.stdout.readline()
    rounds.begin()
    bench = Bench(folder, source, stamps, observers=(stamps,), in_child=True, batch=1_024)
    try:
        stamps.await_serving(0)
        threading.Event().wait(window + SETTLED)
        publisher.stdin.write("go\n")
        publisher.stdin.flush()
        arrived = float(publisher.stdout.readline())
        switched = stamps.await_serving(1)
        threading.Event().wait(AFTER + 0.2)
    finally:
        bench.close()
        publisher.communicate()
    length = switched + AFTER - arrived
    due = source.due(0) + np.arange(MOST * RATE) / RATE
    latency = (stamps.written - due) * 1e3
    during = (due >= arrived) & (due < arrived + length)
    before = (due >= arrived - min(length, window)) & (due < arrived)
    return latency[before], latency[during], length
