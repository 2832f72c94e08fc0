"""The benchmark of the embedded engine runs, and every figure that has a goal says so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FIGURE = re.compile(r"(.+): (-?[\d.]+)(?: ms)?, goal at (least|most) ([\d.]+)(?: ms)?, (met|missed)")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_quick_run_prints_every_figure(project: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.embedded", "--quick"]
    printed = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout
    held = [match.groups() for line in printed.splitlines() if (match := FIGURE.fullmatch(line))]
    names = [name for name, *_ in held]
    assert [
        "10 trees of depth 5, end to end by pure scoring",
        "5 trees of depth 5, end to end by pure scoring",
        "a forest arrives, p99.9 by the quiet one",
        "a forest arrives, greatest wait (median run)",
        "an ONNX model arrives, greatest wait (median run)",
    ] == names
    for _, value, way, goal, verdict in held:
        kept = float(value) >= float(goal) if way == "least" else float(value) <= float(goal)
        assert ("met" if kept else "missed") == verdict or float(value) == float(goal)
