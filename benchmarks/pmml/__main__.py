"""Records a second of PMML models here and in JPMML on the JVM, pypmml, onnxruntime and scikit-learn.

``make bench-pmml``. One thread each, double precision (onnxruntime: single), every target and output field, with input
preparation. Ratios are of interleaved pairs, shown as the median with its quartiles. JPMML scores object in, object
out, in its own loop, which has no batches. ``MODELS=name,name`` measures only those; ``--quick`` only shows that
everything runs.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnxruntime
import pyarrow as pa

from benchmarks.figures import Figures, interleave, ratios, spread, tell_load
from benchmarks.pmml import memory
from benchmarks.pmml.models import NAMES, Case, Floats, make_cases, make_rows
from benchmarks.pmml.peers import Peer, build, find_least_memory, open_jpmml, open_pypmml
from headrace.abc.model import Model
from headrace.formats.pmml import PmmlFormat

BATCHES = (1, 64, 4096)
LEVEL = 0.95
Arms = dict[str, Callable[[], float]]


@dataclass(frozen=True, slots=True)
class Run:
    """How much is measured, and with what: ``jpmml`` is its class path."""

    rounds: int
    seconds: float
    warming: float
    table: Path
    jpmml: list[Path] | None


def main() -> int:
    """Print the figures of every model; 1 where a goal was missed."""
    quick = "--quick" in sys.argv
    figures = Figures()
    figures.tell("load", tell_load())
    rows = make_rows(4096)
    wanted = [name for name in os.environ.get("MODELS", "").split(",") if name]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        run = Run(
            2 if quick else 11,
            0.02 if quick else 0.3,
            0.0 if quick else 8.0,
            directory / "rows.csv",
            None if quick else build(directory),
        )
        if run.jpmml is None:
            figures.tell("JPMML", "not measured: it needs java, javac, mvn and a network, and is left out by --quick")
        lines = [",".join(NAMES), *(",".join(map(str, row)) for row in rows.tolist())]
        run.table.write_text("\n".join(lines), encoding="ascii")
        for case in make_cases(make_rows(300 if quick else 1600, seed=3), quick):
            if not wanted or case.name in wanted:
                file = directory / f"{case.name.replace(' ', '_')}.pmml"
                file.write_bytes(case.pmml)
                measure_case(figures, case, rows, file, run, quick)
    figures.tell("load", tell_load())
    return 0 if figures.met or quick else 1


def measure_case(figures: Figures, case: Case, rows: Floats, file: Path, run: Run, quick: bool) -> None:
    """Print the figures of one model."""
    figures.tell(f"{case.name}, size", f"{len(case.pmml) / 1e6:.1f} MB")
    peers: dict[str, Peer] = {}
    if run.jpmml is not None:
        peers["JPMML"] = open_jpmml(run.jpmml, file, run.table)
    pypmml = None if quick else open_pypmml(file, run.table)
    if pypmml is not None:
        peers["pypmml"] = pypmml
    try:
        model = load(figures, case, peers)
        for peer in peers.values():
            peer.warm(run.warming)
        table = pa.RecordBatch.from_arrays([pa.array(column) for column in rows.T.copy()], names=NAMES)
        for size in BATCHES:
            arms = open_arms(case, model, rows[:size], table.slice(0, size), run.seconds)
            arms |= open_peers(peers, size, run.seconds)
            compare(figures, case, size, interleave(arms, run.rounds))
        model.close()
    finally:
        for peer in peers.values():
            peer.close()
    measure_memory(figures, case.name, file, run)


def load(figures: Figures, case: Case, peers: dict[str, Peer]) -> Model:
    """Load a model, and print how long it took beside the peers' cold parse."""
    form = PmmlFormat()
    begin = time.perf_counter()
    prepared = form.prepare(case.pmml)
    prepared_at = time.perf_counter()
    model = form.assemble(prepared)
    taken = time.perf_counter() - begin
    parts = f"{prepared_at - begin:.2f} s, {since(prepared_at) * 1e3:.1f} ms"
    figures.tell(f"{case.name}, prepare and assemble", parts)
    for name, peer in peers.items():
        figures.tell(f"{case.name}, load time of {name}", f"{peer.load_seconds:.2f} s")
    if "JPMML" in peers:
        share = taken / peers["JPMML"].load_seconds
        figures.hold(f"{case.name}, load time against JPMML's", share, 1, most=True)
    return model


def measure_memory(figures: Figures, name: str, file: Path, run: Run) -> None:
    """Print what fresh processes hold for a model: Headrace's, and JPMML's with the smallest heap that works."""
    peak, arrays = memory.measure("prepare", file, run.table)
    resident, everything = memory.measure("serve", file, run.table)
    figures.tell(f"{name}, arrays", f"{arrays:.2f} MB")
    figures.tell(f"{name}, peak of preparing", f"{peak:.1f} MB above the process without it")
    figures.tell(f"{name}, resident for the model", f"{resident:.1f} MB of a serving process's {everything:.0f} MB")
    if run.jpmml is not None:
        heap, held = find_least_memory(run.jpmml, file, run.table)
        figures.tell(f"{name}, memory of JPMML's process", f"{held:.0f} MB at the smallest heap that works, {heap} MB")
        figures.hold(f"{name}, resident for the model against JPMML's heap", resident / heap, 1, most=True)


def since(moment: float) -> float:
    """Return the seconds since a moment."""
    return time.perf_counter() - moment


def open_arms(case: Case, model: Model, rows: Floats, batch: pa.RecordBatch, seconds: float) -> Arms:
    """Return what scores a batch with each program in this process; one record goes in as a mapping here."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(case.onnx, options, providers=["CPUExecutionProvider"])
    record = batch.slice(0, 1).to_pylist()[0]
    feeds = {session.get_inputs()[0].name: rows.astype("float32")}
    here: Callable[[], object] = lambda: model.score(batch)  # noqa: E731
    arms = {
        "headrace": lambda: rate(here, len(rows), seconds),
        "onnxruntime": lambda: rate(lambda: session.run(None, feeds), len(rows), seconds),
        "scikit-learn": lambda: rate(lambda: case.predict(rows), len(rows), seconds),
    }
    if len(rows) == 1:
        arms["headrace, a batch"] = arms["headrace"]
        arms["headrace"] = lambda: rate(lambda: model.score_one(record), 1, seconds)
        arms["an empty call"] = lambda: rate(lambda: None, 1, seconds)
    return arms


def open_peers(peers: dict[str, Peer], size: int, seconds: float) -> Arms:
    """Return what scores with the programs in other processes; JPMML's loop is the same for every size."""
    return {name: lambda peer=peer: peer.rate(seconds, size) for name, peer in peers.items()}  # type: ignore[misc]


def rate(run: Callable[[], object], records: int, seconds: float) -> float:
    """Run for so long, looking at the clock every millisecond or so; returns records a second."""
    run()
    begin = time.perf_counter()
    run()
    together = max(1, int(0.001 / (time.perf_counter() - begin)))
    times, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds or not times:
        for _ in range(together):
            run()
        times += together
    return records * times / took


def compare(figures: Figures, case: Case, size: int, rates: dict[str, list[float]]) -> None:
    """Print each program's rate, and Headrace's as a multiple of the others'."""
    title = f"{case.name}, " + ("one record" if size == 1 else f"batches of {size:,}")
    for name, taken in rates.items():
        low, middle, high = spread(taken)
        figures.tell(f"{title}, {name}", f"{middle:,.0f} records/s ({low:,.0f} to {high:,.0f})")
    for name in ("JPMML", "pypmml", "onnxruntime", "scikit-learn"):
        if name not in rates:
            continue
        low, middle, high = spread(ratios(rates["headrace"], rates[name]))
        line = f"{title}, times {name} (quartiles {low:.2f} to {high:.2f})"
        goal = find_goal(case, size, name)
        if goal:
            figures.hold(line, middle, goal)
        else:
            figures.tell(line, f"{middle:.2f}")


def find_goal(case: Case, size: int, peer: str) -> float:
    """Return the least multiple of a peer's rate that is a goal, 0 where there is none."""
    if peer == "JPMML":
        return LEVEL if size == 1 else case.batch_goal if size == BATCHES[-1] else 0.0
    return 1.0 if (case.name, size, peer) == ("forest of 100", BATCHES[-1], "onnxruntime") else 0.0


if __name__ == "__main__":
    sys.exit(main())
