"""The demo's folder: records, configuration, and where the engine will write."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Stage:
    """Paths within the demo's folder, and how many records there are."""

    folder: Path
    records: int
    rate: float
    labels: dict[str, int]

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
    stage = Stage(folder, len(lines), rate, read_labels())
    told = _CONFIGURATION.format(rate=rate, file=stage.configuration)
    stage.configuration.write_text(told, encoding="utf-8")
    return stage
