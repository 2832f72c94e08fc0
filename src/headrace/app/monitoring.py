"""A configuration and its engine to a monitor that serves them.

The engine's observers come before the engine, and the monitor looks at the engine's join: so a ``Station`` is made
first, its ``watcher`` is given to the engine, and ``open_monitor`` puts the rest together.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headrace.app.configuration import OtelSection
from headrace.app.journal import JournalReader
from headrace.app.letters import describe_letter, read_last_letters
from headrace.app.publishing import append_command, publish
from headrace.catalog import load_target
from headrace.errors import ConfigurationError
from headrace.monitor.watcher import EVENTS, Watcher

if TYPE_CHECKING:
    import socket

    from headrace.abc.monitoring import Records, Steering
    from headrace.abc.observer import Observer
    from headrace.app.configuration import Configuration, MonitorSection
    from headrace.core.join import Join
    from headrace.monitor.access import Access
    from headrace.monitor.telemetry import Telemetry
    from headrace.records import Command, Descriptor
    from headrace.wire.dead_letters import DeadLetter

SHOWN_BYTES = 2_000
"""Bytes of a dead letter's record that are shown, as text."""

_OTEL_ENDPOINTS = tuple(f"OTEL_EXPORTER_OTLP_{each}ENDPOINT" for each in ("", "TRACES_", "METRICS_"))

LEAST_FREE = 2**20
"""Bytes that a disk must have left for an engine to be ready."""


@dataclass(frozen=True, slots=True)
class LogSteering:
    """A ``Steering`` that appends to a model log."""

    log: Path

    def publish(self, descriptor: Descriptor) -> tuple[int, Descriptor]:
        """Append a publication; its bytes are kept by digest."""
        return publish(self.log, descriptor)

    def send(self, command: Command) -> int:
        """Append another command."""
        return append_command(self.log, command)


@dataclass(frozen=True, slots=True)
class EngineRecords:
    """The ``Records`` that an engine of a configuration writes."""

    configuration: Configuration

    def read_events(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Read the last events of the journal; there are none without a state."""
        state = self.configuration.state
        return [] if state is None else list(JournalReader(state.directory).read())[-limit:] if limit else []

    def read_dead_letters(self, limit: int) -> Sequence[Mapping[str, object]]:
        """Read the last dead letters, newest first; there are none on the standard output."""
        path = self.configuration.dead_letters.path
        return [] if str(path) == "-" else [preview_letter(letter) for letter in read_last_letters(path, limit)]

    def find_problems(self) -> Sequence[str]:
        """Tell which disk is full."""
        configuration = self.configuration
        paths = [configuration.results.path, configuration.dead_letters.path]
        paths += [] if configuration.state is None else [configuration.state.directory]
        return [told for path in dict.fromkeys(paths) if str(path) != "-" and (told := _find_problem(path))]

    def describe_engine(self) -> Mapping[str, Any]:
        """Tell what the engine reads and writes."""
        configuration = self.configuration
        return {
            "engine": configuration.engine.name,
            "process": os.getpid(),
            "records": [section.stream for section in configuration.streams],
            "models": str(configuration.models.log),
            "results": str(configuration.results.path),
            "dead_letters": str(configuration.dead_letters.path),
            "state": None if configuration.state is None else str(configuration.state.directory),
        }


def preview_letter(letter: DeadLetter) -> dict[str, object]:
    """Give a dead letter as JSON values; of its record as much as a person looks at."""
    original = letter.original
    shown = {
        "position": None if letter.version is None else letter.version.position,
        "timestamp": letter.timestamp,
        "original": None if original is None else original[:SHOWN_BYTES].decode("utf-8", "replace"),
        "original_bytes": None if original is None else len(original),
    }
    return describe_letter(letter, shown)


def _find_problem(path: Path) -> str:
    there = next((each for each in (path, *path.parents) if each.exists()), None)
    if there is None:
        return ""
    try:
        disk = os.statvfs(there)
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    free = disk.f_bavail * disk.f_frsize
    return f"{path}: {os.strerror(errno.ENOSPC)}: {free} bytes are free" if free < LEAST_FREE else ""


class Joining(Protocol):
    """An engine, as far as a monitor looks at it."""

    @property
    def join(self) -> Join:
        """What it runs around."""


@dataclass(frozen=True, slots=True)
class Station:
    """A monitor that is configured and not open yet: its address is taken, its tokens are read."""

    section: MonitorSection
    access: Access
    taken: socket.socket
    records: Records
    steering: Steering
    watcher: Watcher
    telemetry: Telemetry | None = None

    @property
    def observers(self) -> Sequence[Observer]:
        """What the engine has to tell what it does."""
        return (self.watcher, *(() if self.telemetry is None else self.telemetry.observers))

    @contextmanager
    def open(self, engine: Joining) -> Iterator[str]:
        """Serve an engine for as long as the block takes; gives the page's address."""
        from headrace.monitor.operations import Premises
        from headrace.monitor.series import Series
        from headrace.monitor.server import Monitor, build_application

        self.watcher.attach(engine.join)
        premises = Premises(self.watcher, Series(), self.steering, self.records)
        monitor = Monitor(build_application(premises, self.access, self.section.max_body_bytes), self.taken)
        monitor.start()
        if self.telemetry is not None:
            self.telemetry.start(premises)
        try:
            yield monitor.url
        finally:
            monitor.close()
            if self.telemetry is not None:
                self.telemetry.close()


@contextmanager
def open_station(configuration: Configuration) -> Iterator[Station | None]:
    """Take the monitor's address for as long as the block takes; None where no monitor is configured.

    Raises ``ConfigurationError`` where the address is in use or needs a token, and ``MissingExtraError``.
    """
    section = configuration.monitor
    if section is None:
        yield None
        return
    access = build_access(section)
    with take_address(section.address, section.port) as taken:
        records = EngineRecords(configuration)
        steering = LogSteering(configuration.models.log)
        watcher = Watcher(records.read_events(EVENTS))
        yield Station(section, access, taken, records, steering, watcher, build_telemetry(section))


def build_telemetry(section: MonitorSection) -> Telemetry | None:
    """Build what sends to an OpenTelemetry collector; None where none is named, here or by the standard variables.

    Raises ``MissingExtraError`` where it is configured and not installed.
    """
    otel = section.otel
    if otel is None:
        asked = any(os.environ.get(name) for name in _OTEL_ENDPOINTS)
        if not asked or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return None
        otel = OtelSection()
    kind: type[Telemetry] = load_target("headrace.monitor.telemetry:Telemetry", "otel", "telemetry")
    return kind(otel.endpoint, traces=otel.traces, metrics=otel.metrics, every=otel.every_seconds)


def take_address(address: str, port: int) -> socket.socket:
    """Bind a socket to the monitor's address. Raises ``ConfigurationError`` and ``MissingExtraError``."""
    take = load_target("headrace.monitor.server:take_address", "monitor", "the monitor")
    taken: socket.socket = take(address, port)
    return taken


def build_access(section: MonitorSection) -> Access:
    """Read the tokens, and check that the address may be served with them. Raises ``ConfigurationError``."""
    kind: type[Access] = load_target("headrace.monitor.access:Access", "monitor", "the monitor")
    access = kind(
        section.address,
        _read_token("read_token", section.read_token_env, section.read_token_file),
        _read_token("write_token", section.write_token_env, section.write_token_file),
        tuple(host.lower() for host in section.hosts),
    )
    access.check()
    return access


def _read_token(name: str, variable: str, file: Path | None) -> str:
    if variable:
        token = os.environ.get(variable, "").strip()
        if not token:
            raise ConfigurationError(f"monitor.{name}_env names {variable}, which is not set in the environment")
        return token
    if file is None:
        return ""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"monitor.{name}_file {file} cannot be read: {error}") from error
    if not token:
        raise ConfigurationError(f"monitor.{name}_file {file} is empty: write the token into it")
    return token
