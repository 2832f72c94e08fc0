"""The page of the exporters names every command and estimator, and its program runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headrace.cli.export import export
from headrace.export.sklearn_pmml import supported_estimators

NAME = re.compile(r"`([^`]+)`")


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/exporters.md").read_text()


def test_every_exporter_is_there(page: str) -> None:
    rows = page.partition("| --- | --- | --- | --- | --- |\n")[2].partition("\n\n")[0].splitlines()
    assert sorted(export.commands) == sorted(NAME.findall(row)[0] for row in rows)


def test_every_estimator_is_there(page: str) -> None:
    table = page.partition("| Kind | Estimators |\n| --- | --- |\n")[2].partition("\n\n")[0]
    assert sorted(supported_estimators()) == sorted(NAME.findall(table))


def test_the_program_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(program, "exporters.md", "exec"), {})
    size, predicted = capsys.readouterr().out.split()
    assert (True, "low") == (int(size) > 1000, predicted)


def test_every_example_is_a_program(page: str, project: Path) -> None:
    named = re.findall(r"python -m (examples\.[a-z_.]+)", page)
    assert 4 == len(named)
    assert [] == [name for name in named if not (project / f"{name.replace('.', '/')}.py").is_file()]
