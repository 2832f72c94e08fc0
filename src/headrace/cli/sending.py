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
    from headrace.app.model_streams import ModelStream
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
        """Find the model stream and the state by option or configuration.

        Raises ``UsageError`` where there is no stream, or no state to wait on, and ``ConfigurationError``.
        """
        from headrace.app.model_streams import LogStream, find_topic_stream

        log, state = self.log, self.state
        stream: ModelStream | None = None
        if self.config is not None and log is None:
            stream = find_topic_stream(self.config)
        if self.config is not None and stream is None:
            from headrace.app.configuration import load_configuration

            configured = load_configuration(self.config)
            log = log or configured.models.log
            state = state or (configured.state.directory if configured.state is not None else None)
        if log is not None:
            stream = LogStream(log)
        if stream is None:
            raise click.UsageError("name the model log: --log DIR, or --config FILE that names it or a topic")
        if self.wait and state is None:
            message = "--wait needs the engine's state directory: --state DIR, or --config FILE that names it"
            raise click.UsageError(message)
        return Destination(stream, state)

    def find_digest(self, target: str) -> str:
        """Find the version of the slot that a text names. Raises ``CommandError`` where it names none, or several."""
        from headrace.app.publishing import find_digest

        destination = self.find_destination()
        return find_digest(target, self.slot, destination.stream.read, destination.state)


@dataclass(frozen=True, slots=True)
class Destination:
    """A model stream, and the state directory of an engine that follows it, where one is known."""

    stream: ModelStream
    state: Path | None


def send_command(errand: Errand, command: Command, about: dict[str, Any]) -> int:
    """Append a command to a stream that is there, wait for the verdict if asked to, tell it, and give the exit code.

    Raises ``SourceError`` where there is no stream: only a publication makes one.
    """
    destination = errand.find_destination()
    destination.stream.require()
    return deliver(errand, destination, lambda: (destination.stream.append(command), about))


def deliver(errand: Errand, destination: Destination, append: Callable[[], tuple[int, dict[str, Any]]]) -> int:
    """Append by a function that gives the position and what to tell; wait for the verdict if asked to."""
    from headrace.app.verdict import Watch

    slot = errand.slot
    watch = Watch(destination.state) if errand.wait and destination.state is not None else None
    if destination.stream.is_new():
        note(f"headrace: {destination.stream} is a new model log: engines read it once they are configured to")
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
