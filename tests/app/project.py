"""A directory with a configuration, records and models, as a person would have it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.app.configuration import Configuration, load_configuration
from headrace.app.engine import build_engine
from headrace.app.publishing import publish
from headrace.engines.embedded import EmbeddedEngine, Summary
from headrace.records import Descriptor

_PMML = """<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
  <Header/>
  <DataDictionary>
    <DataField name="x" optype="continuous" dataType="double"/>
    <DataField name="{output}" optype="continuous" dataType="double"/>
  </DataDictionary>
  <RegressionModel functionName="regression">
    <MiningSchema>
      <MiningField name="x"/>
      <MiningField name="{output}" usageType="target"/>
    </MiningSchema>
    <RegressionTable intercept="{intercept}">
      <NumericPredictor name="x" coefficient="2"/>
    </RegressionTable>
  </RegressionModel>
</PMML>
"""

RECORDS = """
[records]
path = "records.jsonl"
format = "json"
data_type = {field = "kind"}
declared = ["wine"]
id = "id"
time = "at"
"""

REST = """
[engine]
commit_seconds = 0.01
poll_seconds = 0.002
retry_seconds = 0.01
[models]
log = "models"
follow = false
[loading]
checker = "inline"
[results]
path = "results.jsonl"
[dead_letters]
path = "dead.jsonl"
[state]
directory = "state"
"""


def linear(intercept: float = 1, output: str = "y") -> bytes:
    """A model of one input: 2 x + intercept."""
    return _PMML.format(intercept=intercept, output=output).encode()


@dataclass(frozen=True)
class Project:
    """The directory, and what a test does in it."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration's file."""
        return self.path / "headrace.toml"

    @property
    def log(self) -> Path:
        """The model log."""
        return self.path / "models"

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.path / "state"

    def configure(self, text: str, changes: Mapping[str, str] | None = None) -> Configuration:
        """Write the configuration, with some of its text replaced, and read it."""
        for old, new in (changes or {}).items():
            assert old in text, old
            text = text.replace(old, new)
        self.config.write_text(text)
        return load_configuration(self.config)

    def write_records(self, *values: object, name: str = "records.jsonl") -> None:
        """Write JSON lines: numbers become records of that x, texts stay."""
        lines = [
            value
            if isinstance(value, str)
            else json.dumps({"id": f"r{place}", "kind": "wine", "at": place, "x": value})
            for place, value in enumerate(values)
        ]
        (self.path / name).write_text("".join(f"{line}\n" for line in lines))

    def publish(self, content: bytes, name: str = "m", data_type: str = "wine", **given: Any) -> int:
        """Publish a model and give its position."""
        return publish(self.log, Descriptor(name, data_type, content=content, **given))[0]

    def run(self) -> Summary:
        """Run the engine that is configured, to its end."""
        return build_engine(load_configuration(self.config)).run()

    @contextmanager
    def running(self) -> Iterator[EmbeddedEngine]:
        """Run the engine in a thread for as long as the block takes."""
        engine = build_engine(load_configuration(self.config))
        thread = threading.Thread(target=engine.run)
        thread.start()
        try:
            yield engine
        finally:
            engine.stop()
            thread.join()

    def read(self, name: str = "results.jsonl") -> list[dict[str, Any]]:
        """Read JSON lines."""
        return [json.loads(line) for line in (self.path / name).read_text().splitlines()]

    def outputs(self, name: str = "results.jsonl") -> list[tuple[str, float]]:
        """Read the ids of results and the model's one output."""
        return [(each["id"], each["outputs"]["y"]) for each in self.read(name)]
