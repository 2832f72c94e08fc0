"""What the tests of the command line share: the commands in this process, and small models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headrace.cli.program import program

Cli = Callable[..., Result]

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


def linear(intercept: float = 1, output: str = "y") -> str:
    """A model of one input: 2 x + intercept."""
    return _PMML.format(intercept=intercept, output=output)


@pytest.fixture
def cli() -> Cli:
    """Run a command in this process."""

    def run(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(program, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The file of a sound model."""
    file = tmp_path / "linear.pmml"
    file.write_text(linear())
    return file
