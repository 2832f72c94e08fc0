"""``make bench-formats``: batches of 1,024 and single records by every format, and what large models cost on arrival.

Each figure is of pairs in one run, Headrace and the bare runtime in turn, as the median with its quartiles. A batch
comes as Arrow columns in the model's own type and goes as Arrow columns; a record is a mapping of names to values both
ways. ``--quick`` takes each figure once, on little; ``--only`` takes some of the parts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pyarrow as pa

from benchmarks.embedded.models import read_wines, train_forest, write_table
from benchmarks.embedded.switch import Goals, measure_switch
from benchmarks.figures import Figures, interleave, ratios, spread, tell_load
from benchmarks.formats.cases import Case, make_cases, write_graph_table
from headrace import catalog
from headrace.abc.model import Model
from headrace.records import Signature
from headrace.wire.wine import FEATURES

PARTS = ("scoring", "switch-pmml", "switch-onnx", "switch-tensorflow")
BATCH = 1_024
MOST_RATIO = 1.10
MOST_MICROSECONDS = 30.0
PMML = Goals(ratio=1.2, wait_ms=20)
LARGE = Goals(ratio=None, wait_ms=100)


def main() -> int:
    """Print one line a figure; 1 where a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formats", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each figure once, on little")
    parser.add_argument("--only", choices=PARTS, action="append", help="take this part (may be given more than once)")
    arguments = parser.parse_args()
    quick, parts = arguments.quick, arguments.only or PARTS
    figures = Figures()
    figures.tell("load", tell_load())
    if "scoring" in parts:
        for case in make_cases(quick=quick):
            measure(figures, case, rounds=2 if quick else 11, seconds=0.01 if quick else 0.2)
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as name:
        measure_switches(figures, Path(name), parts, quick=quick)
    figures.tell("load", tell_load())
    return 0 if figures.met or quick else 1


def measure(figures: Figures, case: Case, rounds: int, seconds: float) -> None:
    """Print the figures of one model."""
    form = catalog.load("format", case.model_type)()
    model: Model = form.assemble(form.prepare(case.content))
    rows = np.ascontiguousarray(np.resize(read_wines()[0], (BATCH, len(FEATURES))).astype(np.float32))
    batch = make_batch(model.signature, rows)
    arms = {
        "headrace": lambda: take(lambda: model.score(batch), seconds),
        "bare": lambda: take(lambda: case.bare(rows), seconds),
    }
    tell(figures, f"{case.name}, batches of {BATCH:,}", interleave(arms, rounds), case)
    one, record = rows[:1].copy(), batch[:1].to_pylist()[0]
    arms = {
        "headrace": lambda: take(lambda: model.score_one(record), seconds),
        "bare": lambda: take(lambda: case.bare(one), seconds),
    }
    tell(figures, f"{case.name}, one record", interleave(arms, rounds), case, one=True)
    model.close()


def make_batch(signature: Signature, rows: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> pa.RecordBatch:
    """Lay the features out as the model's inputs: one vector, or a column each."""
    kinds = [pa.type_for_alias(each.type) for each in signature.inputs]
    if len(signature.inputs) == 1:
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()).cast(kinds[0]), rows.shape[1])
        return pa.record_batch({signature.inputs[0].name: vectors})
    by_name = dict(zip(FEATURES, rows.T, strict=True))
    columns = [pa.array(by_name[each.name]).cast(kind) for each, kind in zip(signature.inputs, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=[each.name for each in signature.inputs])


def take(run: Callable[[], object], seconds: float) -> float:
    """Run for so long; gives microseconds a call."""
    run()
    times, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds or not times:
        run()
        times += 1
    return took / times * 1e6


def tell(figures: Figures, title: str, taken: dict[str, list[float]], case: Case, *, one: bool = False) -> None:
    """Print what each way takes, and Headrace beside the bare runtime."""
    beside = "the bare runtime" if case.has_goal else "scikit-learn"
    for name, told in {"headrace": "headrace", "bare": beside}.items():
        low, middle, high = spread(taken[name])
        figures.tell(f"{title}, {told}", f"{middle:,.1f} us ({low:,.1f} to {high:,.1f})")
    if one:
        low, middle, high = spread([ours - bare for ours, bare in zip(taken["headrace"], taken["bare"], strict=True)])
        line, goal, unit = f"{title}, above {beside} (quartiles {low:.1f} to {high:.1f})", MOST_MICROSECONDS, " us"
    else:
        low, middle, high = spread(ratios(taken["headrace"], taken["bare"]))
        line, goal, unit = f"{title}, times {beside} (quartiles {low:.2f} to {high:.2f})", MOST_RATIO, ""
    if case.has_goal:
        figures.hold(line, middle, goal, unit, most=True)
    else:
        figures.tell(line, f"{middle:.2f}{unit}")


def measure_switches(figures: Figures, folder: Path, parts: list[str] | tuple[str, ...], *, quick: bool) -> None:
    """Print what the arrival of models of 100 MB costs records, and that of a forest as PMML."""
    size, runs = (1, 1) if quick else (100, 7)
    small = train_forest(10, 5)
    if "switch-pmml" in parts:
        content = small.content if quick else train_forest(100, None).content
        measure_switch(figures, folder / "pmml", "a PMML model arrives", small, content, PMML, runs)
    if "switch-onnx" in parts:
        measure_switch(figures, folder / "onnx", "an ONNX model arrives", small, write_table(size), LARGE, runs)
    if "switch-tensorflow" in parts:
        content = write_graph_table(size)
        measure_switch(figures, folder / "graph", "a TensorFlow graph arrives", small, content, LARGE, runs)


if __name__ == "__main__":
    sys.exit(main())
