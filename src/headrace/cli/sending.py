"""What the commands of the model stream have in common: where the log is, and the wait for a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.exits import Exit
from headrace.cli.output import note, print_json, show_digest

if TYPE_CHECKING:
    from headrace.app.verdict import Verdict
    from headrace.records import Command, SlotKey


@dataclass(frozen=True, slots=True)
class Destination:
    """A model log, and the state directory of an engine that follows it, where one is known."""

    log: Path
    state: Path | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whether to wait for the verdict, how many seconds, and how to tell."""

    wait: bool
    timeout: float
    as_json: bool


def find_destination(log: Path | None, state: Path | None, config: Path | None, *, wait: bool) -> Destination:
    """Find the log and the state by option or configuration.

    Raises ``UsageError`` where there is no log, or no state to wait on, and ``ConfigurationError``.
    """
    if config is not None:
        from headrace.app.configuration import load_configuration

        configured = load_configuration(config)
        log = log or configured.models.log
        state = state or (configured.state.directory if configured.state is not None else None)
    if log is None:
        raise click.UsageError("name the model log: --log DIR, or --config FILE that names it")
    if wait and state is None:
        raise click.UsageError("--wait needs the engine's state directory: --state DIR, or --config FILE that names it")
    return Destination(log, state)


def send_command(
    destination: Destination, command: Command, slot: SlotKey, waiting: Waiting, about: dict[str, Any]
) -> int:
    """Append a command to the log, wait for the verdict if asked to, tell what happened, and give the exit code."""
    from headrace.app.publishing import append_command

    return deliver(destination, slot, waiting, lambda: (append_command(destination.log, command), about))


def deliver(
    destination: Destination,
    slot: SlotKey,
    waiting: Waiting,
    append: Callable[[], tuple[int, dict[str, Any]]],
) -> int:
    """Append by a function that gives the position and what to tell; wait for the verdict if asked to."""
    from headrace.app.verdict import Watch

    watch = Watch(destination.state) if waiting.wait and destination.state is not None else None
    if not destination.log.exists():
        note(f"headrace: {destination.log} is a new model log: engines read it once they are configured to")
    position, about = append()
    verdict = None if watch is None else watch.wait(slot, position, waiting.timeout)
    told = {**about, "data_type": slot.data_type, "slot": slot.name, "position": position}
    if waiting.as_json:
        told["verdict"] = None if verdict is None else {"outcome": str(verdict.outcome), "reason": verdict.reason}
        print_json(told)
    else:
        digest = f", digest {show_digest(about['digest'])}" if about.get("digest") else ""
        click.echo(f"{about['command']} to slot {slot} at position {position}{digest}")
        if verdict is not None:
            click.echo(f"{verdict.outcome}" + (f": {verdict.reason}" if verdict.reason else ""))
    return exit_of_verdict(verdict)


def exit_of_verdict(verdict: Verdict | None) -> int:
    """Give the exit code of a verdict; of none that was waited for, success."""
    from headrace.app.verdict import Outcome

    if verdict is None or verdict.outcome.good:
        return Exit.DONE
    return Exit.NO_VERDICT if verdict.outcome is Outcome.NONE else Exit.REFUSED
