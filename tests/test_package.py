"""The public face, and who may look at it."""

from __future__ import annotations

import ast
from importlib.metadata import version
from pathlib import Path

import grimp
import pytest

import headrace

IMPURE = {"breakpoint", "compile", "eval", "exec", "input", "open", "print"}


def test_all_is_sorted_and_without_repeats() -> None:
    assert headrace.__all__ == sorted(set(headrace.__all__))


@pytest.mark.parametrize("name", headrace.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert hasattr(headrace, name)


def test_version_is_the_installed_one() -> None:
    assert headrace.__version__ == version("headrace")


def test_nothing_inside_imports_the_public_face() -> None:
    graph = grimp.build_graph("headrace", cache_dir=None)
    assert graph.find_modules_that_directly_import("headrace") == set()


def test_core_calls_nothing_that_reads_or_writes(project: Path) -> None:
    calls = [
        f"{path.name}:{node.lineno} {node.func.id}"
        for path in sorted((project / "src/headrace/core").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE
    ]
    assert calls == []
