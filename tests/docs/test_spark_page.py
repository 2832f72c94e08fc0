"""The page of the Spark engine: its keys, its arguments, its file, and its programs."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import msgspec
import pytest

from headrace.app.reading import find_engine
from headrace.app.spark.configuration import SparkEngineSection, load_spark_configuration
from headrace.engines.spark import serve
from headrace.engines.spark.carriage import LEAVING, TRAVELLING, Kind

ROW = re.compile(r"^\| `(\w+)`", re.MULTILINE)


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/spark.md").read_text()


def rows(page: str, heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    return ROW.findall(page.split(f"| {heading} | ", 1)[1].split("\n\n", 1)[0])


def test_every_key_of_the_engine_is_there(page: str) -> None:
    assert [field.name for field in msgspec.structs.fields(SparkEngineSection)] == rows(page, "Key of `[engine]`")


def test_every_argument_and_column_is_there(page: str) -> None:
    assert list(inspect.signature(serve).parameters) == rows(page, "Argument")
    columns = page.split("| Column | ", 1)[1].split("\n\n", 1)[0]
    assert LEAVING.names == [name for name in re.findall(r"`([\w-]+)`", columns) if name in LEAVING.names]
    assert set(Kind) - {Kind.ROWS, Kind.MESSAGE} <= set(re.findall(r"`([\w-]+)`", columns))
    assert {"kind", "data_type", "slot", "id"} == set(TRAVELLING.names) & set(LEAVING.names)


def test_the_file_on_the_page_is_sound(page: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "wine.toml"
    file.write_text(example)
    assert "spark" == find_engine(file)
    assert "checkpoint" == load_spark_configuration(file).engine.checkpoint


def test_what_the_programs_import_is_there(page: str) -> None:
    programs = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    nodes = [node for program in programs for node in ast.walk(ast.parse(program)) if isinstance(node, ast.ImportFrom)]
    missing = [
        alias.name
        for node in nodes
        for alias in node.names
        if node.module is not None and not hasattr(importlib.import_module(node.module), alias.name)
    ]
    assert (2, []) == (len(programs), missing)
