"""The page of the command line holds every command, option and exit code, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from headrace.cli.exits import Exit
from headrace.cli.program import COMMANDS, program

HEADING = re.compile(r"^## `headrace ([a-z-]+(?: [a-z-]+)?)", re.MULTILINE)
OPTION = re.compile(r"`(-{1,2}[a-z][a-z-]*)")


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/cli.md").read_text()


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command, and those of a group each by itself."""
    ctx = click.Context(program)
    for name in COMMANDS:
        command = program.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in command.commands.items())
        elif command is not None:
            yield name, command


def options(command: click.Command) -> set[str]:
    return {each for parameter in command.params if isinstance(parameter, click.Option) for each in parameter.opts}


def told(page: str) -> dict[str, set[str]]:
    """The options in the table of each command."""
    parts = HEADING.split(page)
    found = {}
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `-")]
        found[name] = set(OPTION.findall(" ".join(rows)))
    return found


def test_every_command_and_option_is_there(page: str) -> None:
    assert {name: options(command) for name, command in commands()} == told(page)


def test_every_exit_code_is_there(page: str) -> None:
    codes = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
    assert [int(code) for code in Exit] == [int(code) for code in codes]
