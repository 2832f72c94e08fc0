"""What the commands of the model stream have in common: the slot, where the log is, and the wait for a verdict."""

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
class Errand:
    """What every such command is given: its slot, where to take it, and how long to wait for a verdict."""

    slot: SlotKey
    log: Path | None
    config: Path | None
    state: Path | None
    wait: bool
    timeout: float
    as_json: bool

    def find_destination(self) -> Destination:
        """Find the log and the state by option or configuration.

        Raises ``UsageError`` where there is no log, or no state to wait on, and ``ConfigurationError``.
        """
        log, state = self.log, self.state
        if self.config is not None:
            from headrace.app.configuration import load_configuration

            configured = load_configuration(self.config)
            log = log or configured.models.log
            state = state or (configured.state.directory if configured.state is not None else None)
        if log is None:
            raise click.UsageError("name the model log: --log DIR, or --config FILE that names it")
        if self.wait and state is None:
            message = "--wait needs the engine's state directory: --state DIR, or --config FILE that names it"
            raise click.UsageError(message)
        return Destination(log, state)

    def find_digest(self, target: str) -> str:
        """Find the version of the slot that a text names. Raises ``CommandError`` where it names none, or several."""
        from headrace.app.publishing import find_digest

        destination = self.find_destination()
        return find_digest(target, self.slot, destination.log, destination.state)


@dataclass(frozen=True, slots=True)
class Destination:
    """A model log, and the state directory of an engine that follows it, where one is known."""

    log: Path
    state: Path | None


def send_command(errand: Errand, command: Command, about: dict[str, Any]) -> int:
    """Append a command to a log that is there, wait for the verdict if asked to, tell it, and give the exit code.

    Raises ``SourceError`` where there is no log: only a publication makes one.
    """
    from headrace.app.publishing import append_command, check_log

    destination = errand.find_destination()
    check_log(destination.log)
    return deliver(errand, destination, lambda: (append_command(destination.log, command), about))


def deliver(errand: Errand, destination: Destination, append: Callable[[], tuple[int, dict[str, Any]]]) -> int:
    """Append by a function that gives the position and what to tell; wait for the verdict if asked to."""
    from headrace.app.verdict import Watch

    slot = errand.slot
    watch = Watch(destination.state) if errand.wait and destination.state is not None else None
    if not destination.log.exists():
        note(f"headrace: {destination.log} is a new model log: engines read it once they are configured to")
    position, about = append()
    verdict = None if watch is None else watch.wait(slot, position, errand.timeout)
    told = {**about, "data_type": slot.data_type, "slot": slot.name, "position": position}
    if errand.as_json:
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
