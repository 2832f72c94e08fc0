"""The program: which commands there are, and how every one of them ends.

Rules:

1. A command is imported when it is run: ``--version``, ``--help`` and completion load none of them.
2. No traceback meets a user: an error is one message on stderr and an exit code; HEADRACE_DEBUG=1 shows the traceback.
3. With ``--json`` there is one JSON document on stdout, of an error as well.
"""

from __future__ import annotations

import difflib
import errno
import json
import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import click

from headrace.catalog import load_target
from headrace.cli.exits import Exit, exit_of
from headrace.errors import HeadraceError

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "Serve the wine records with models that change meanwhile.",
        "run": "Run the engine that a configuration describes.",
        "validate": "Check a configuration and show what would run.",
        "publish": "Offer a model to a slot.",
        "rollback": "Return a slot to a version that it retains.",
        "pin": "Keep a slot's serving model; later ones are staged.",
        "unpin": "End a pin: the newest staged model serves.",
        "retire": "End a slot's service, or forget one retained version.",
        "models": "List the models of an engine.",
        "stats": "Show what each model version scored, and how fast.",
        "events": "List what happened to models.",
        "watch": "Tell what flows and what happens to models, as it comes.",
        "dead-letters": "List records that could not be scored, or send them again.",
        "score": "Score a CSV file with one model.",
        "profile": "Tell how a CSV file's columns and a model's outputs are distributed.",
        "export": "Write a trained model as a file that a stream serves.",
        "provide": "Send wine records and models to Kafka in a loop.",
        "broker": "Run a Kafka broker on loopback, for trying things out.",
        "completion": "Print the completion script of a shell.",
    }
)
"""Each command lives in the module of its name, as a function of its name; this is its line in the help."""


class Program(click.Group):
    """The group of all commands, imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the commands that are installed."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = load_target(f"headrace.cli.{name}:{name}", purpose=f"the command {cmd_name!r}")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant. Raises ``UsageError`` with a close one for a name that is none."""
        name = args[0]
        if not (name.startswith("-") or ctx.resilient_parsing or self.get_command(ctx, name)):
            close = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "headrace --help lists them"
            raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands' lines without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        """Run a command and end the process with its exit code."""
        sys.exit(self.run(args, **extra))

    def run(self, args: Sequence[str] | None = None, **extra: Any) -> int:
        """Run a command and give its exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        debug = os.environ.get("HEADRACE_DEBUG", "") not in {"", "0"}
        extra = {"prog_name": "headrace", **extra, "standalone_mode": False}
        try:
            return int(super().main(arguments, **extra) or Exit.DONE)
        except Exception as error:
            if debug and not isinstance(error, click.ClickException):
                raise
            return _end(error, as_json="--json" in arguments)
        except SystemExit:
            # How click ends where the reader, such as `head`, has seen enough: that is no failure.
            if type(sys.stdout) is click.utils.PacifyFlushWrapper:
                return Exit.DONE
            raise


def _end(error: Exception, *, as_json: bool) -> int:
    """Tell what ended a command, and give its exit code."""
    code, message = _explain(error)
    if code == Exit.USAGE and isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
    if message:
        click.echo(f"headrace: {message}", err=True)
    if as_json and message:
        told = {"error": {"kind": type(error).__name__, "message": message}, "exit": int(code)}
        click.echo(json.dumps(told, ensure_ascii=False))
    return code


def _explain(error: Exception) -> tuple[Exit, str]:
    match error:
        case click.Abort():
            return Exit.INTERRUPTED, "interrupted"
        case click.ClickException():
            return Exit.USAGE, error.format_message()
        case HeadraceError():
            return exit_of(error), str(error)
        case OSError():
            code = Exit.OUTPUT if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS} else Exit.INPUT
            named = f"{error.filename}: " if error.filename else ""
            return code, f"{named}{error.strerror or error}"
        case _:
            advice = "this is a defect of Headrace; HEADRACE_DEBUG=1 shows where it happened"
            return Exit.DEFECT, f"{type(error).__name__}: {error} ({advice})"


@click.group(
    name="headrace",
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="headrace", message="headrace %(version)s")
@click.pass_context
def program(ctx: click.Context) -> None:
    """Machine-learning models served inside data streams."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
