"""The benchmark of the formats runs, and every figure that has a goal says so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FIGURE = re.compile(r"(.+?)(?: \(.+\))?: (-?[\d.]+)(?: us| ms)?, goal at most ([\d.]+)(?: us| ms)?, (met|missed)")
RUNTIMES = ("ONNX, forest of 10", "ONNX, forest of 10 with ZipMap", "ONNX, network of 24",
            "TensorFlow graph, network of 24", "SavedModel, network of 24")  # fmt: skip
SWITCHES = ("an ONNX model", "a TensorFlow graph")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("tensorflow")
def test_a_quick_run_prints_every_figure(project: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.formats", "--quick"]
    run = subprocess.run(command, cwd=project, check=False, capture_output=True, text=True)
    assert 0 == run.returncode, run.stderr
    held = [match.groups() for line in run.stdout.splitlines() if (match := FIGURE.fullmatch(line))]
    scored = [f"{name}, {what}" for name in RUNTIMES for what in (
        "batches of 1,024, times the bare runtime", "one record, above the bare runtime")]  # fmt: skip
    arrived = ["a PMML model arrives, p99.9 by the quiet one", "a PMML model arrives, greatest wait"]
    arrived += [f"{name} arrives, greatest wait" for name in SWITCHES]
    assert [*scored, *arrived] == [name for name, *_ in held]
    for _, value, goal, verdict in held:
        assert ("met" if float(value) <= float(goal) else "missed") == verdict or float(value) == float(goal)
