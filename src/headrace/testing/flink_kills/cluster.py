"""A standalone cluster of Flink on this machine: a job manager and a task manager, each of which can be killed.

It keeps its ports over ``kill`` and ``start``, so that a job is submitted again to the same address.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from headrace.errors import SourceError
from headrace.testing.broker.node import find_ports

_PATIENCE = 300.0
_LOOK = 0.2
_MEMORY = ("jobmanager.memory.process.size=900m",)
_TASK_MEMORY = ("taskmanager.memory.process.size=1600m", "taskmanager.memory.managed.size=300m")


class Cluster:
    """Processes of one cluster: a context manager.

    ``python`` is that of an environment with PyFlink; ``folder`` takes what they write; ``slots`` is how many tasks
    side by side the task manager runs.
    """

    def __init__(self, python: Path, folder: Path, slots: int) -> None:
        told = subprocess.run(  # noqa: S603
            [str(python), "-c", "import importlib.util; print(importlib.util.find_spec('pyflink').origin)"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        self._home, self._python, self._folder = Path(told.stdout.strip()).parent, python, folder
        rest, rpc = find_ports(2)
        self.address = f"127.0.0.1:{rest}"
        self._options = (
            f"rest.port={rest}", "rest.address=127.0.0.1", "jobmanager.rpc.address=127.0.0.1",
            f"jobmanager.rpc.port={rpc}", f"taskmanager.numberOfTaskSlots={slots}",
            "heartbeat.interval=1000", "heartbeat.timeout=20000", "metrics.fetcher.update-interval=1000",
        )  # fmt: skip
        self._manager: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the cluster."""
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End its processes."""
        self.kill()

    def start(self) -> None:
        """Start the cluster, and wait for its slots. Raises ``SourceError`` where none come."""
        self._manager = self._run("jobmanager", *_MEMORY)
        self.start_worker()
        until = time.monotonic() + _PATIENCE
        while not self._count_slots():
            if time.monotonic() > until:
                raise SourceError(f"the cluster has no slots after {_PATIENCE:g} s: see {self._folder}")
            time.sleep(_LOOK)

    def start_worker(self) -> None:
        """Start a task manager."""
        self._worker = self._run("taskmanager", *_TASK_MEMORY)

    def kill_worker(self) -> None:
        """Kill the task manager with all of its Python processes, at once."""
        _kill(self._worker)

    def kill(self) -> None:
        """Kill all processes of the cluster, at once."""
        _kill(self._manager)
        _kill(self._worker)

    def read_gauges(self, ending: str) -> int:
        """Add up over all tasks what the metrics tell whose names end so; 0 before there is one."""
        total = 0
        for job in self._read("/jobs/overview")["jobs"]:
            for vertex in self._read(f"/jobs/{job['jid']}")["vertices"]:
                path = f"/jobs/{job['jid']}/vertices/{vertex['id']}/metrics"
                names = [each["id"] for each in self._read(path) if each["id"].endswith(ending)]
                for name in names:
                    found = self._read(f"{path}?get={quote(name)}")
                    total += sum(int(each["value"]) for each in found)
        return total

    def _run(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PATH": f"{self._python.parent}{os.pathsep}{os.environ['PATH']}",
            "FLINK_LOG_DIR": str(self._folder),
        }
        settings = [word for setting in (*self._options, *options) for word in ("-D", setting)]
        command = ["/bin/bash", str(self._home / f"bin/{name}.sh"), "start-foreground", *settings]
        with (self._folder / f"{name}.out").open("ab") as out:
            return subprocess.Popen(command, env=environment, stdout=out, stderr=out, start_new_session=True)  # noqa: S603

    def _count_slots(self) -> int:
        try:
            return int(self._read("/overview")["slots-total"])
        except OSError:
            return 0

    def _read(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
            return json.load(answer)


def _kill(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
