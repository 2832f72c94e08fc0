"""A disk that is full: not ready, and ready again once there is room. The disk is a real one, of 4 MiB."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.app.project import Project, linear
from tests.monitor.conftest import PATIENCE, Served, configure

ADDRESS = "the monitor is at "
MOUNT = 'mount -t tmpfs -o size=4m none "$0" && exec "$@"'


@contextmanager
def run(project: Project, disk: Path) -> Iterator[tuple[Served, Path]]:
    """Run the engine as a process that alone sees a disk of its own; gives the path by which others reach that disk."""
    own = [sys.executable, "-m", "headrace", "run", str(project.config)]
    command = ["unshare", "--map-root-user", "--mount", "bash", "-c", MOUNT, str(disk), *own]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = next(each for each in process.stderr if ADDRESS in each)
            with httpx.Client(base_url=line.partition(ADDRESS)[2].strip(), timeout=PATIENCE) as client:
                yield Served(project, client), Path(f"/proc/{process.pid}/root{disk}")
        finally:
            process.kill()


@pytest.mark.slow
def test_an_engine_is_not_ready_while_its_disk_is_full(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write_records(1, 2)
    project.publish(linear(), name="line")
    disk = tmp_path / "disk"
    disk.mkdir()
    configure(project)
    text = project.config.read_text()
    project.config.write_text(text.replace('path = "results.jsonl"', 'path = "disk/results.jsonl"'))
    with run(project, disk) as (served, there):
        served.until_scored(2)
        assert {"ready": True, "reasons": []} == served.get("/health/ready")
        filler = there / "filler"
        filler.write_bytes(bytes(4 * 2**20 - 2**19))
        refused = served.client.get("/health/ready")
        assert 503 == refused.status_code
        (reason,) = refused.json()["reasons"]
        assert reason.startswith(f"{disk / 'results.jsonl'}: No space left on device")
        assert "headrace_ready 0.0" in served.client.get("/metrics").text
        filler.unlink()
        assert {"ready": True, "reasons": []} == served.get("/health/ready")
        assert "headrace_ready 1.0" in served.client.get("/metrics").text
