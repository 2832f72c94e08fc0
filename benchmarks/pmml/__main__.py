"""Records a second of PMML models here, in JPMML on the JVM, onnxruntime and scikit-learn: ``make bench-pmml``.

One thread each, double precision (onnxruntime: single), every target and output field, with input preparation. Ratios
are of interleaved pairs, shown as the median with its quartiles. JPMML scores object in, object out, in its own loop.
``--quick`` only shows that everything runs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pyarrow as pa

from benchmarks.figures import Figures, interleave, ratios, spread, tell_load
from benchmarks.pmml.jpmml import Jpmml, build
from benchmarks.pmml.models import NAMES, Case, Floats, make_cases, make_rows
from headrace.abc.model import Model
from headrace.formats.pmml import PmmlFormat

BATCHES = (1, 64, 4096)
Arms = dict[str, Callable[[], float]]


def main() -> int:
    """Print the figures of every model; 1 where a goal was missed."""
    quick = "--quick" in sys.argv
    rounds, seconds = (2, 0.02) if quick else (11, 0.3)
    figures = Figures()
    figures.tell("load", tell_load())
    rows = make_rows(4096)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = None if quick else build(directory)
        if path is None:
            figures.tell("JPMML", "not measured: it needs java, javac, mvn and a network, and is left out by --quick")
        table = directory / "rows.csv"
        lines = [",".join(NAMES), *(",".join(map(str, row)) for row in rows.tolist())]
        table.write_text("\n".join(lines), encoding="ascii")
        for case in make_cases(make_rows(300 if quick else 1600, seed=3), quick):
            file = directory / f"{case.name}.pmml"
            file.write_bytes(case.pmml)
            peer = None if path is None else Jpmml(path, file, table)
            try:
                measure(figures, case, rows, peer, rounds, seconds)
            finally:
                if peer is not None:
                    peer.close()
    figures.tell("load", tell_load())
    return 0 if figures.met or quick else 1


def measure(figures: Figures, case: Case, rows: Floats, peer: Jpmml | None, rounds: int, seconds: float) -> None:
    """Print the figures of one model."""
    form = PmmlFormat()
    begin = time.perf_counter()
    prepared = form.prepare(case.pmml)
    prepared_at = time.perf_counter()
    model = form.assemble(prepared)
    figures.tell(f"{case.name}, size", f"{len(case.pmml) / 1e6:.1f} MB")
    figures.tell(
        f"{case.name}, prepare and assemble", f"{prepared_at - begin:.2f} s, {since(prepared_at) * 1e3:.1f} ms"
    )
    figures.tell(f"{case.name}, arrays", f"{sum(array.nbytes for array in prepared.arrays.values()) / 1e6:.2f} MB")
    if peer is not None:
        figures.hold(f"{case.name}, load time against JPMML's", (prepared_at - begin) / peer.load_seconds, 1, most=True)
        peer.warm(8.0)
    table = pa.RecordBatch.from_arrays([pa.array(column) for column in rows.T.copy()], names=NAMES)
    for size in BATCHES:
        arms = open_arms(case, model, rows[:size], table.slice(0, size), seconds)
        if peer is not None and size in (1, BATCHES[-1]):
            arms["JPMML"] = lambda: peer.rate(seconds)
        compare(figures, case, size, interleave(arms, rounds))
    if peer is not None:
        figures.tell(f"{case.name}, memory of the JVM", f"{peer.memory():.0f} MB")
    model.close()


def since(moment: float) -> float:
    """Return the seconds since a moment."""
    return time.perf_counter() - moment


def open_arms(case: Case, model: Model, rows: Floats, batch: pa.RecordBatch, seconds: float) -> Arms:
    """Return what scores a batch with each program; one record goes in as a mapping here."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(case.onnx, options, providers=["CPUExecutionProvider"])
    record = batch.slice(0, 1).to_pylist()[0]
    feeds = {session.get_inputs()[0].name: rows.astype("float32")}
    here: Callable[[], object] = lambda: model.score(batch)  # noqa: E731
    arms = {
        "headrace": lambda: rate(here, len(rows), seconds),
        "onnxruntime": lambda: rate(lambda: session.run(None, feeds), len(rows), seconds),
        "scikit-learn": lambda: rate(lambda: case.estimator.predict_proba(rows), len(rows), seconds),
    }
    if len(rows) == 1:
        arms["headrace, a batch"] = arms["headrace"]
        arms["headrace"] = lambda: rate(lambda: model.score_one(record), 1, seconds)
    return arms


def rate(run: Callable[[], object], records: int, seconds: float) -> float:
    """Run for so long; returns records a second."""
    run()
    times, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds or not times:
        run()
        times += 1
    return records * times / took


def compare(figures: Figures, case: Case, size: int, rates: dict[str, list[float]]) -> None:
    """Print each program's rate, and Headrace's as a multiple of the others'."""
    title = f"{case.name}, " + ("one record" if size == 1 else f"batches of {size:,}")
    for name, taken in rates.items():
        low, middle, high = spread(taken)
        figures.tell(f"{title}, {name}", f"{middle:,.0f} records/s ({low:,.0f} to {high:,.0f})")
    for name in ("JPMML", "onnxruntime"):
        if name not in rates:
            continue
        low, middle, high = spread(ratios(rates["headrace"], rates[name]))
        line = f"{title}, times {name} (quartiles {low:.2f} to {high:.2f})"
        if name == "JPMML":
            figures.hold(line, middle, case.one_goal if size == 1 else case.batch_goal)
        elif case.name == "forest of 100" and size == BATCHES[-1]:
            figures.hold(line, middle, 1.0)
        else:
            figures.tell(line, f"{middle:.2f}")


if __name__ == "__main__":
    sys.exit(main())
