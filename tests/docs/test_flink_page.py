"""The page of the Flink engines: their keys, their file, and its program, which runs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from headrace.app.flink.configuration import FlinkEngineSection, load_flink_configuration

ROW = re.compile(r"^\| `(\w+)` \| ", re.MULTILINE)


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/flink.md").read_text()


def rows(page: str, heading: str) -> list[str]:
    """The names in the table under a heading of its first column."""
    return ROW.findall(page.split(f"| {heading} | ", 1)[1].split("\n\n", 1)[0])


def arguments(project: Path) -> set[str]:
    """The arguments of both functions; PyFlink, which they need, is in another environment."""
    module = ast.parse((project / "src/headrace/engines/flink/serving.py").read_text())
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("serve_")]
    return {each.arg for function in functions for each in (*function.args.args, *function.args.kwonlyargs)}


def test_every_key_of_the_engine_is_there(page: str) -> None:
    assert [field.name for field in msgspec.structs.fields(FlinkEngineSection)] == rows(page, "Key of `[engine]`")


def test_every_argument_is_there(page: str, project: Path) -> None:
    assert arguments(project) - {"records", "models"} == set(rows(page, "Argument"))


def test_the_file_on_the_page_is_sound(page: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "wine.toml"
    file.write_text(example)
    assert "flink-keyed" == load_flink_configuration(file).engine.name


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("flink")
def test_the_program_runs(page: str, project: Path, flink: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    environment = {**os.environ, "PATH": f"{flink.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [str(flink), "-c", program], cwd=project, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert 1 == done.stdout.count('"model":"ridge"')
    assert 1 == done.stdout.count('"code":"undecodable"')
