"""Quix Streams with onnxruntime, in the environment of its own that ``make bench-kafka`` installs."""

from __future__ import annotations

import subprocess
from pathlib import Path

LOOP = Path(__file__).with_name("quix_loop.py")
PYTHON = Path(__file__).parents[3] / ".venv-quix/bin/python"


def find() -> Path | None:
    """Find its Python; None, with the reason told, where it is not installed."""
    if PYTHON.exists():
        return PYTHON
    print(f"Quix Streams is not measured: no {PYTHON}; `make bench-kafka` installs it")
    return None


def rate(python: Path, bootstrap: str, topic: str, results: str, count: int, model: Path) -> float:
    """Score a topic; give records a second over the second half. ``results`` is "-" for none."""
    command = [str(python), str(LOOP), bootstrap, topic, results, str(count), str(model)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Quix Streams failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])
