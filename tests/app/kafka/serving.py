"""Instances of a group as processes of their own, each with a monitor."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.engines.kafka.rig import Rig
from tests.monitor.conftest import PATIENCE, Served

ADDRESS = "the monitor is at "
FILE = """
[engine]
name = "kafka"
group = "{name}-group"
[kafka]
"bootstrap.servers" = "{servers}"
"session.timeout.ms" = 6000
[records]
topic = "{name}-records"
format = "json"
data_type = "wine"
[models]
topic = "{name}-models"
[results]
topic = "{name}-results"
[dead_letters]
topic = "{name}-letters"
[events]
topic = "{name}-events"
[monitor]
port = 0
[loading]
checker = "inline"
formats = {{scaling = "headrace.testing.scaling:ScalingFormat"}}
[switch]
no_model = "hold"
"""


def configure(rig: Rig, folder: Path, more: str = "") -> Path:
    """Write the configuration of a rig's group, served."""
    file = folder / "headrace.toml"
    file.write_text(FILE.format(name=rig.name, servers=rig.bootstrap) + more)
    return file


@dataclass(frozen=True)
class Instance(Served):
    """A process and a client of its monitor."""

    process: subprocess.Popen[str]

    def instances(self) -> dict[str, tuple[str, int]]:
        """Give the state of each instance of the group and how many partitions it has, by name."""
        told = self.get("/v1/engine")["instances"]
        return {each["name"]: (each["state"], len(each["partitions"])) for each in told}


@contextmanager
def start(file: Path) -> Iterator[Instance]:
    """Run an instance for as long as the block takes; it is asked to end, and killed where it does not."""
    command = [sys.executable, "-m", "headrace", "run", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = next(each for each in process.stderr if ADDRESS in each)
            with httpx.Client(base_url=line.partition(ADDRESS)[2].strip(), timeout=PATIENCE) as client:
                yield Instance(None, client, process)  # type: ignore[arg-type]
        finally:
            process.kill()
