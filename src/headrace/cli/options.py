"""Options that several commands share, and the values that they take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from headrace.cli.sending import Errand
from headrace.records import SlotKey

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
state_option = click.option("--state", type=FILE, metavar="DIR", help="The engine's state directory.")
config_option = click.option(
    "--config", type=FILE, metavar="FILE", help="Take the log and the state directory from a configuration."
)

url_option = click.option(
    "--url", default="", metavar="URL", help="Ask a running engine, by the address of its monitor, instead of a state."
)
token_option = click.option(
    "--token-env", default="HEADRACE_TOKEN", show_default=True, metavar="NAME",
    help="The environment variable that holds the monitor's token, where it asks for one.",
)  # fmt: skip


def errand_options(command: F) -> F:
    """Give a command of the model stream what all of them take, as its first argument, an ``Errand``."""

    @wraps(command)
    def run(*, data_type: str, slot: str, log: Path | None, config: Path | None, state: Path | None, wait: bool,
            timeout: float, as_json: bool, **own: Any) -> Any:  # fmt: skip
        return command(Errand(key_of(data_type, slot), log, config, state, wait, timeout, as_json), **own)

    for option in reversed(
        (
            click.option("--log", type=FILE, metavar="DIR", help="The model log that engines follow."),
            config_option,
            click.option("--data-type", required=True, help="The data type of the slot's records."),
            click.option("--slot", default="", help="The slot's name; the data type's one slot has none."),
            click.option("--wait", is_flag=True, help="Wait for the engine's verdict, and end with its exit code."),
            state_option,
            click.option("--timeout", type=click.FloatRange(min=0), default=60.0, show_default=True, metavar="SECONDS",
                         help="How long to wait for the verdict."),
            json_option,
        )
    ):  # fmt: skip
        run = option(run)
    return cast("F", run)


def read_moment(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """Read a time, ISO 8601 (UTC where it names no zone) or milliseconds, as milliseconds since the epoch."""
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no time: write 2026-01-31T12:00:00Z, or milliseconds since 1970"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    milliseconds = round(moment.timestamp() * 1000)
    if milliseconds < 0:
        raise click.BadParameter(f"{text!r} is before 1970")
    return milliseconds


def read_mapping(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Read what feeds a model's inputs: ``INPUT=FIELD``, or ``INPUT=FIELD,FIELD`` for a vector."""
    found: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, equals, listed = text.partition("=")
        fields = tuple(field.strip() for field in listed.split(","))
        if not (equals and name.strip() and all(fields)):
            raise click.BadParameter(f"{text!r} is no mapping: write INPUT=FIELD, or INPUT=FIELD,FIELD for a vector")
        if name.strip() in found:
            raise click.BadParameter(f"the input {name.strip()!r} is named twice")
        found[name.strip()] = fields
    return found


def read_options(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Read options of a format: ``NAME=VALUE`` each."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value):
            raise click.BadParameter(f"{text!r} is no option: write NAME=VALUE")
        if name.strip() in found:
            raise click.BadParameter(f"the option {name.strip()!r} is given twice")
        found[name.strip()] = value
    return found


valid_from_option = click.option(
    "--valid-from", callback=read_moment, metavar="TIME", help="From which event time on it serves (event-time)."
)
id_option = click.option(
    "--id", "publication_id", default="", help="The publication's id: the same id again is ignored."
)
map_option = click.option(
    "--map", "mapping", callback=read_mapping, multiple=True, metavar="INPUT=FIELD[,FIELD]",
    help="Feed a model's input from these fields; may be given again.",
)  # fmt: skip
model_options = click.option(
    "--option", "options", callback=read_options, multiple=True, metavar="NAME=VALUE",
    help="What the format asks beyond the bytes, such as signature=NAME; may be given again.",
)  # fmt: skip


def key_of(data_type: str, slot: str) -> SlotKey:
    """Make the key of a slot. Raises ``UsageError`` for an empty data type."""
    if not data_type:
        raise click.UsageError("--data-type is empty")
    return SlotKey(data_type, slot)
