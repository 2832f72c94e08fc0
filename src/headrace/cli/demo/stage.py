"""The demo's folder: records, configuration, and where the engine will write."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from headrace.app.wine import read_labels, read_records
from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_MARK = ".headrace-demo"
_CONFIGURATION = """\
# What the demo runs: records from a file, models from a log directory, results once each.
# Try it yourself: headrace run {file}

[records]
path = "records.jsonl"
format = "json"
data_type = {{ field = "dataType" }}
declared = ["wine"]
id = "id"
time = "time"
rate = {rate}

[models]
log = "models"

[results]
path = "results.jsonl"

[dead_letters]
path = "dead-letters.jsonl"

[state]
directory = "state"

[engine]
commit_seconds = 0.5
"""

_MONITOR = """
[monitor]
port = {port}
"""
PORT = 5000


@dataclass(frozen=True, slots=True)
class Stage:
    """Paths within the demo's folder, and how many records there are."""

    folder: Path
    records: int
    rate: float
    labels: dict[str, int]
    port: int | None = None

    @property
    def page(self) -> str:
        """The address of the engine's page, "" where the extra that serves it is not installed."""
        return "" if self.port is None else f"http://127.0.0.1:{self.port}/"

    @property
    def configuration(self) -> Path:
        """The configuration file."""
        return self.folder / "headrace.toml"

    @property
    def log(self) -> Path:
        """The model log."""
        return self.folder / "models"

    @property
    def state(self) -> Path:
        """The engine's state directory."""
        return self.folder / "state"

    @property
    def results(self) -> Path:
        """The results, a JSON object a line."""
        return self.folder / "results.jsonl"

    @property
    def dead_letters(self) -> Path:
        """The records that could not be scored."""
        return self.folder / "dead-letters.jsonl"

    @property
    def output(self) -> Path:
        """What the engine's processes printed."""
        return self.folder / "engine.log"


def set_stage(folder: Path, rate: float) -> Stage:
    """Make the folder anew. Raises ``ConfigurationError`` where it holds something that no demo made."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).is_file():
            message = f"{folder} exists and was not made by a demo: choose another --directory"
            raise ConfigurationError(message)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()
    lines = [json.dumps(record) + "\n" for record in read_records()]
    (folder / "records.jsonl").write_text("".join(lines), encoding="utf-8")
    stage = Stage(folder, len(lines), rate, read_labels(), _find_port())
    told = _CONFIGURATION.format(rate=rate, file=stage.configuration)
    told += "" if stage.port is None else _MONITOR.format(port=stage.port)
    stage.configuration.write_text(told, encoding="utf-8")
    return stage


def _find_port() -> int | None:
    """Find a free port for the page, the usual one if it can be had; None where nothing could serve it."""
    if not all(find_spec(name) for name in ("prometheus_client", "starlette", "uvicorn")):
        return None
    from headrace.monitor.server import take_address

    for port in (PORT, 0):
        with suppress(ConfigurationError), take_address("127.0.0.1", port) as taken:
            found: int = taken.getsockname()[1]
            return found
    return None
