"""Flink's jobs run in its own environment, as processes; each job serves for all tests that look at it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Line = dict[str, Any]
Serve = Callable[[int, str], list[Line]]


@pytest.fixture(scope="session")
def serve(flink: Path, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Run the program at a parallelism, with arrivals in an order; each once."""
    done: dict[tuple[int, str], list[Line]] = {}

    def run(parallelism: int, order: str) -> list[Line]:
        if (parallelism, order) not in done:
            file = tmp_path_factory.mktemp("flink") / "lines"
            program = project / "tests/engines/flink/program.py"
            environment = {**os.environ, "PATH": f"{flink.parent}:{os.environ['PATH']}"}
            command = [str(flink), str(program), str(parallelism), order, str(file)]
            finished = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            assert finished.returncode == 0, finished.stderr[-10_000:]
            done[parallelism, order] = [json.loads(line) for line in file.read_text().splitlines()]
        return done[parallelism, order]

    return run
