"""Statistics after a kill: those of a restarted engine equal a recount of what both of its lives have written."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.app.project import Project, linear
from tests.monitor.conftest import PATIENCE, Served, configure
from tests.monitor.test_looking import recount

ADDRESS = "the monitor is at "


@contextmanager
def run(project: Project) -> Iterator[tuple[Served, subprocess.Popen[str]]]:
    """Run the engine as a process of its own."""
    command = [sys.executable, "-m", "headrace", "run", str(project.config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = next(each for each in process.stderr if ADDRESS in each)
            with httpx.Client(base_url=line.partition(ADDRESS)[2].strip(), timeout=PATIENCE) as client:
                yield Served(project, client), process
        finally:
            process.kill()


@pytest.mark.slow
def test_statistics_after_a_kill_equal_a_recount(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write_records(*range(400))
    configure(project)
    text = project.config.read_text()
    for old, new in (("commit_seconds = 0.01", "commit_seconds = 0.2"), ("follow = true", "follow = true\nrate = 150")):
        text = text.replace(old, new)
    project.config.write_text(text)
    project.publish(linear(), name="one")
    with run(project) as (served, process):
        served.until("/v1/statistics", lambda told: told["total"]["scored"] > 100)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
    project.publish(linear(2), name="two")
    with run(project) as (served, _):
        told = served.until_scored(400)
        history = served.get("/v1/events")["events"]
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert 400 == len({json.loads(line)["id"] for line in lines}) == len(lines)
    for version in told["versions"]:
        if version["records"]:
            expected = recount(project, version["position"])
            assert expected == {name: version[name] for name in expected}
    assert {"in": 400, "scored": 400, "dead_lettered": 0, "skipped": 0} == told["total"]
    assert told["adds_up"]
    assert ["one", "two"] == list(dict.fromkeys(each["name"] for each in history))
