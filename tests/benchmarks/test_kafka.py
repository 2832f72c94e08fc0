"""The benchmark of the Kafka engine runs, and every figure that has a goal says so; its peers are left out here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_quick_run_prints_a_figure_for_each_arm(project: Path) -> None:
    arms = ["bare client", "loop by hand", "engine, no output", "engine, exactly once"]
    command = [sys.executable, "-m", "benchmarks.kafka", "--quick", "--only", "small"]
    command += [part for arm in arms for part in ("--arm", arm)]
    run = subprocess.run(command, cwd=project, check=False, capture_output=True, text=True)
    assert 0 == run.returncode, run.stderr
    lines = run.stdout.splitlines()
    for arm in arms:
        (told,) = [line for line in lines if line.startswith(f"10 trees of depth 5, {arm}: ")]
        assert int(told.split(": ")[1].split()[0].replace(",", "")) > 0
    for other in ("loop by hand", "bare client"):
        (held,) = [line for line in lines if line.startswith(f"10 trees of depth 5, engine, no output by {other} (")]
        assert held.endswith((", met", ", missed"))
