"""Rules of the house that no linter holds: sizes, names, and what is never mentioned.

Each lists every breach at once, so that one run tells all there is to mend.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

FOLDERS = ("src", "tests", "examples", "benchmarks", "scripts")
FILE_LINES = 400
FUNCTION_LINES = 60
VAGUE = {"base", "common", "helper", "helpers", "manager", "misc", "tools", "util", "utils"}
EVASION = re.compile(
    r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b|\btime\.sleep\b|\basyncio\.sleep\((?!0\))|\bunittest\.mock\b"
)
# Put together here, since this file is searched as well.
UNMENTIONED = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("npmjs", "org"),
        ("maven", "org"),
        ("maven", "apache", "org"),
        ("deb", "debian", "org"),
    )
] + ["../" + "shared", "/work/" + "shared", "/work/" + "main"]


def sources(project: Path, folders: tuple[str, ...] = FOLDERS) -> Iterator[Path]:
    """Every Python file written by hand."""
    for folder in folders:
        for path in sorted((project / folder).rglob("*.py")):
            if not path.name.endswith("_pb2.py"):
                yield path


def tracked(project: Path) -> list[Path]:
    """Every file under version control, generated ones and data included."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project, check=True, capture_output=True, text=True)
    return [path for name in listed.stdout.split("\0") if name and (path := project / name).is_file()]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function below its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_files_are_short(project: Path) -> None:
    sizes = {str(path.relative_to(project)): len(path.read_text().splitlines()) for path in sources(project)}
    assert {name: size for name, size in sizes.items() if size > FILE_LINES} == {}


def test_functions_are_short(project: Path) -> None:
    long = {
        f"{path.relative_to(project)}:{node.lineno} {node.name}": length(node)
        for path in sources(project)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > FUNCTION_LINES
    }
    assert long == {}


def test_no_module_has_a_vague_name(project: Path) -> None:
    package = project / "src/headrace"
    vague = [str(path) for path in package.rglob("*") if VAGUE & set(path.stem.lower().split("_"))]
    assert vague == []


def test_nothing_unmentionable_is_mentioned(project: Path) -> None:
    found = {
        str(path.relative_to(project)): phrases
        for path in tracked(project)
        if (content := path.read_bytes()) and (phrases := [name for name in UNMENTIONED if name.encode() in content])
    }
    assert found == {}


def test_every_test_runs_and_none_sleeps(project: Path) -> None:
    found = [
        f"{path.relative_to(project)}:{number} {match[0]}"
        for path in sources(project, ("tests",))
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if (match := EVASION.search(line))
    ]
    assert found == []
