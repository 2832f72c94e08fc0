"""The demo, whole: the main job on real records, with a kill in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from headrace.cli.demo.progress import LineReader, Progress
from headrace.cli.demo.stage import set_stage
from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_demo_serves_every_record_once(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "headrace",
        "demo",
        "--directory",
        str(tmp_path / "demo"),
        "--rate",
        "60",
        "--json",
    ]
    process = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    told = json.loads(process.stdout)
    assert all(told["checks"].values())
    served = {row["model"] + row["slot"]: row for row in told["versions"] if row["records"]}
    assert served.keys() == {"forest", "network", "ridgequality-regression"}
    assert sum(row["records"] for row in told["versions"] if row["slot"] == "") == 1599


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(ConfigurationError, match="was not made by a demo"):
        set_stage(tmp_path, 10)
    assert (tmp_path / "precious").read_text() == "mine"


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    stage = set_stage(tmp_path / "demo", 10)
    stage.results.write_text("old")
    again = set_stage(tmp_path / "demo", 10)
    assert not again.results.exists()
    assert again.records == 1599


def test_progress_begins_again_when_the_results_are_cut(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    line = json.dumps({"slot": "", "model": "a", "version": "1", "position": 0}) + "\n"
    results.write_text(line * 3)
    progress = Progress(LineReader(results), LineReader(tmp_path / "events.jsonl"))
    progress.look()
    assert progress.records == 3
    results.write_text(line * 2)
    progress.look()
    assert progress.records == 2
    results.write_text(line * 2 + line[:5])
    progress.look()
    assert progress.records == 2
