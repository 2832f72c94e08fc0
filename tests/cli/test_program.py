"""The program as a whole: what it lists, and how every command ends."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from headrace.cli.exits import Exit, exit_of
from headrace.cli.program import COMMANDS, Program
from headrace.errors import (
    ConfigurationError,
    DescriptorError,
    HeadraceError,
    LimitError,
    MissingExtraError,
    ModelFormatError,
    RecordError,
    SinkError,
    SourceError,
    StateError,
    TransitionError,
    VerificationError,
)
from tests.cli.conftest import Cli

HEADRACE = Path(sys.executable).parent / "headrace"


def failing(error: BaseException) -> Program:
    """A program of one command, which raises."""

    class One(Program):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            return self.commands.get(cmd_name)

    group = One()

    @group.command()
    @click.option("--json", is_flag=True)
    def fail(**_: object) -> None:
        raise error

    return group


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HEADRACE, *command], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_version_is_the_installed_one(cli: Cli) -> None:
    assert f"headrace {version('headrace')}\n" == cli("--version").stdout


def test_help_lists_every_command(cli: Cli) -> None:
    for arguments in ([], ["--help"]):
        result = cli(*arguments)
        assert 0 == result.exit_code
        assert list(COMMANDS) == [name for name in COMMANDS if f"\n  {name} " in result.stdout]


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(cli: Cli, name: str) -> None:
    result = cli(name, "--help")
    assert 0 == result.exit_code, result.stderr
    assert result.stdout.startswith(f"Usage: headrace {name} ")


def test_version_and_help_import_no_heavy_part() -> None:
    code = (
        "import sys; from headrace.cli.program import program; program.run(['--version']); program.run(['--help']);"
        "print(sorted({'numba', 'pyarrow', 'numpy', 'rich', 'msgspec'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ConfigurationError("no such key"), 2, "no such key"),
        (MissingExtraError("pip install 'headrace[onnx]'"), 2, "pip install 'headrace[onnx]'"),
        (ModelFormatError("line 3"), 1, "line 3"),
        (VerificationError("row 2"), 1, "row 2"),
        (DescriptorError("no data type"), 1, "no data type"),
        (LimitError("too slow"), 4, "too slow"),
        (RecordError("row"), 3, "row"),
        (SourceError("gone"), 3, "gone"),
        (StateError("held"), 5, "held"),
        (SinkError("full"), 5, "full"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.csv"), 3, "a.csv: No such file or directory"),
        (OSError(errno.ENOSPC, "No space left on device", "out"), 5, "out: No space left on device"),
    ],
)
def test_errors_are_a_line_and_an_exit_code(error: BaseException, code: int, message: str) -> None:
    result = CliRunner().invoke(failing(error), ["fail"])
    assert (code, f"headrace: {message}\n", "") == (result.exit_code, result.stderr, result.stdout)


def test_interrupt_has_the_shell_s_exit_code() -> None:
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"])
    assert (130, "headrace: interrupted") == (result.exit_code, result.stderr.strip())


def test_wrong_usage_shows_the_right_one() -> None:
    result = CliRunner().invoke(failing(click.UsageError("what?")), ["fail"])
    assert (2, "Usage: root fail [OPTIONS]\nheadrace: what?\n") == (result.exit_code, result.stderr)


def test_what_nobody_foresaw_is_called_a_defect() -> None:
    result = CliRunner().invoke(failing(ZeroDivisionError("by zero")), ["fail"])
    assert 70 == result.exit_code
    assert "headrace: ZeroDivisionError: by zero (this is a defect of Headrace" in result.stderr
    assert "HEADRACE_DEBUG=1" in result.stderr
    assert "Traceback" not in result.stderr


def test_error_with_json_is_a_document() -> None:
    result = CliRunner().invoke(failing(SourceError("gone")), ["fail", "--json"])
    assert {"error": {"kind": "SourceError", "message": "gone"}, "exit": 3} == json.loads(result.stdout)
    assert "headrace: gone\n" == result.stderr


@pytest.mark.parametrize("error", [SourceError("gone"), ZeroDivisionError()])
def test_debug_shows_the_traceback(error: Exception) -> None:
    result = CliRunner(env={"HEADRACE_DEBUG": "1"}).invoke(failing(error), ["fail"])
    assert result.exception is error


def test_every_error_of_the_tree_has_an_exit_code() -> None:
    assert Exit.DEFECT == exit_of(TransitionError("never"))
    kinds = [kind for kind in HeadraceError.__subclasses__() if kind is not TransitionError]
    assert [] == [kind.__name__ for kind in kinds if exit_of(kind("")) is Exit.DEFECT]


def test_unknown_command_and_option_suggest_what_was_meant(cli: Cli) -> None:
    result = cli("publsh")
    assert 2 == result.exit_code
    assert "headrace: there is no command 'publsh'; did you mean 'publish'?\n" in result.stderr
    assert "headrace: there is no command 'frob'; headrace --help lists them\n" in cli("frob").stderr
    result = cli("models", "--sate", "x")
    assert 2 == result.exit_code
    assert "--state" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(cli: Cli, shell: str) -> None:
    result = cli("completion", shell)
    assert 0 == result.exit_code
    assert "_HEADRACE_COMPLETE" in result.stdout


def test_completion_completes_commands_and_options() -> None:
    done = run(_HEADRACE_COMPLETE="bash_complete", COMP_WORDS="headrace pu", COMP_CWORD="1")
    assert "plain,publish\n" == done.stdout
    done = run(_HEADRACE_COMPLETE="bash_complete", COMP_WORDS="headrace publish --gol", COMP_CWORD="2")
    assert "plain,--golden\n" == done.stdout


def test_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    command = f"{HEADRACE} completion bash | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ("0\n", "") == (done.stdout, done.stderr)
