"""The benchmark of PMML models runs, and says of each what it took."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.pmml.models import NAMES, make_cases, make_rows
from headrace.formats.pmml import PmmlFormat

MODELS = ("forest of 10", "regression", "tree")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_quick_run_prints_every_figure(project: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.pmml", "--quick"]
    environment = os.environ | {"MODELS": ",".join(MODELS)}
    done = subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True, text=True)
    names = [line.partition(": ")[0] for line in done.stdout.splitlines()]
    rates = [
        f"{model}, {size}, {program}"
        for model in MODELS
        for size in ("one record", "batches of 64", "batches of 4,096")
        for program in ("headrace", "onnxruntime", "scikit-learn")
    ]
    held = [f"{model}, {what}" for model in MODELS for what in ("peak of preparing", "resident for the model")]
    assert [] == [name for name in rates + held if names.count(name) != 1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_programs_agree() -> None:
    """What is timed gives the same answers here as in scikit-learn."""
    rows = make_rows(20)
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in rows.T.copy()], names=NAMES)
    form = PmmlFormat()
    for case in make_cases(make_rows(300, seed=3), quick=True):
        model = form.assemble(form.prepare(case.pmml))
        labels = [float(label) for label in case.estimator.predict(rows).tolist()]
        assert pytest.approx(labels) == [float(value) for value in model.score(batch).outputs["label"].to_pylist()]
        assert pytest.approx(labels) == [float(str(model.score_one(record)["label"])) for record in batch.to_pylist()]
