"""What ``headrace run`` tells on stderr while it runs: lines for people, or JSON lines for programs that collect them.

A JSON line has ``at`` (ISO 8601, UTC), ``level``, ``logger`` and ``message``, and what a change of a model is about as
members of its own.
"""

from __future__ import annotations

import io
import json
import logging
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

from headrace.core.events import describe_event
from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.core.events import Event

LogFormat = Literal["text", "json"]

_UNTOLD = {"received", "loading", "verifying", "warming"}
_WARNINGS = {"rejected", "deferred", "command-refused"}
_LOG = logging.getLogger("headrace")
_CLIENT = "headrace.transports.kafka"
_NUMBER = re.compile(r"\d+")


def begin_logs(form: LogFormat) -> None:
    """Have what the program logs go to stderr in a form, and only that."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter("headrace: %(message)s"))
    handler.addFilter(Sparing())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _LOG.setLevel(logging.INFO)


class Sparing(logging.Filter):
    """Has what Kafka's client says told once in ``seconds``: it says that it cannot connect several times a second.

    Lines are the same where they differ in numbers alone.
    """

    def __init__(self, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds, self._clock = seconds, clock
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a line through that was not told lately."""
        if record.name != _CLIENT:
            return True
        line, now = _NUMBER.sub("", record.getMessage()), self._clock()
        if now < self._told.get(line, -math.inf) + self._seconds:
            return False
        self._told[line] = now
        return True


def divert_others(file: Path) -> None:
    """Have a file take what libraries log, and what their threads print: the rest of stderr is the program's own.

    A library whose workers are threads of this process prints the stack of each call that fails, to its very end.
    Raises ``ConfigurationError`` where the file cannot be written.
    """
    try:
        told = file.open("a", buffering=1, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"[engine] log: {file} cannot be written: {error.strerror}") from error
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_own)
    aside = logging.StreamHandler(told)
    aside.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    aside.addFilter(lambda record: not _is_own(record))
    logging.getLogger().addHandler(aside)
    sys.stderr = ByThread(sys.stderr, told)


def _is_own(record: logging.LogRecord) -> bool:
    return record.name.split(".")[0] == _LOG.name


class ByThread(io.TextIOBase):
    """A stream that takes what the main thread writes to one place, and what others write to another."""

    def __init__(self, main: TextIO, others: TextIO) -> None:
        super().__init__()
        self._main, self._others = main, others

    def write(self, text: str) -> int:
        """Write it where it belongs."""
        return self._find().write(text)

    def flush(self) -> None:
        """Flush what the thread writes to."""
        self._find().flush()

    def fileno(self) -> int:
        """Give the main thread's: what writes there past Python is no thread's of a library."""
        return self._main.fileno()

    def isatty(self) -> bool:
        """Tell whether a person reads it."""
        return self._find().isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The main thread's."""
        return self._main.encoding

    def _find(self) -> TextIO:
        return self._main if threading.current_thread() is threading.main_thread() else self._others


class JsonLines(logging.Formatter):
    """Writes a log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; an error's traceback is ``traceback``."""
        told: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


class EventLog:
    """An ``Observer`` that logs what happens to models: refusals as warnings, the rest for information."""

    def happened(self, events: Sequence[object]) -> None:
        """Log each event but the steps of a load."""
        for event in cast("Sequence[Event]", events):
            kind = str(event.kind)
            if kind in _UNTOLD:
                continue
            about = {name: value for name, value in describe_event(event).items() if name != "at"}
            level = logging.WARNING if kind in _WARNINGS else logging.INFO
            _LOG.log(level, "%s %s %s", kind, event.name, event.version, extra={"about": about})

    def advanced(self, outcome: object) -> None:
        """Leave results to the sinks."""

    def committed(self) -> None:
        """Leave commits to the state."""
