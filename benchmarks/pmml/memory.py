"""What a fresh process holds for a model: ``python -m benchmarks.pmml.memory prepare|serve FILE ROWS``.

Prints numbers in MB. ``prepare`` parses and compiles: the peak while it does, above what the process held before, and
the arrays. ``serve`` is handed the compiled model, as the process that serves is: how much more it has resident with
the model loaded and in use, and in all.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from headrace.abc.model import Prepared
from headrace.compilation import KERNELS
from headrace.formats.pmml import PmmlFormat

SMALLEST = b"""<PMML version="4.4"><DataDictionary><DataField name="x" optype="continuous" dataType="double"/>
</DataDictionary><RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/></MiningSchema>
<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/></RegressionTable></RegressionModel>
</PMML>"""


def measure(action: str, model: Path, table: Path) -> list[float]:
    """Run one of the two in a fresh process and return its numbers."""
    command = [sys.executable, "-m", "benchmarks.pmml.memory", action, str(model), str(table)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def read_status(name: str) -> float:
    """Return an entry of this process's status in MB: VmRSS or VmHWM."""
    return int(Path("/proc/self/status").read_text(encoding="ascii").partition(f"{name}:")[2].split()[0]) / 1024


def settle(table: Path) -> pa.RecordBatch:
    """Bring in what every model needs: kernels, Arrow, NumPy, and whatever the first model of a process loads."""
    for each in KERNELS:
        each.ready()
    form = PmmlFormat()
    first = form.assemble(form.prepare(SMALLEST))
    first.score(pa.RecordBatch.from_pydict({"x": [1.0, 2.0]}))
    first.score_one({"x": 1.0})
    return csv.read_csv(table).combine_chunks().to_batches()[0]


def prepare(model: Path, table: Path) -> list[float]:
    """Prepare a model, and put what it became beside it for ``serve``."""
    settle(table)
    content = model.read_bytes()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
    before = read_status("VmRSS")
    prepared = PmmlFormat().prepare(content)
    peak = read_status("VmHWM") - before
    np.savez(model.with_suffix(".npz"), **prepared.arrays)  # type: ignore[arg-type]
    model.with_suffix(".json").write_text(json.dumps(prepared.plan), encoding="utf-8")
    return [peak, sum(array.nbytes for array in prepared.arrays.values()) / 1e6]


def serve(model: Path, table: Path) -> list[float]:
    """Assemble a prepared model and use it."""
    batch = settle(table)
    before = read_status("VmRSS")
    plan: dict[str, Any] = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    with np.load(model.with_suffix(".npz")) as arrays:
        loaded = PmmlFormat().assemble(Prepared(plan, {name: arrays[name] for name in arrays}))
    loaded.score(batch)
    loaded.score_one(batch.slice(0, 1).to_pylist()[0])
    return [read_status("VmRSS") - before, read_status("VmRSS")]


if __name__ == "__main__":
    chosen = {"prepare": prepare, "serve": serve}[sys.argv[1]]
    print(*(round(number, 2) for number in chosen(Path(sys.argv[2]), Path(sys.argv[3]))))
