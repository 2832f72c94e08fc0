"""What ``headrace run`` tells on stderr while it runs: lines for people, or JSON lines for programs that collect them.

A JSON line has ``at`` (ISO 8601, UTC), ``level``, ``logger`` and ``message``, and what a change of a model is about as
members of its own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from headrace.core.events import describe_event

if TYPE_CHECKING:
    from headrace.core.events import Event

LogFormat = Literal["text", "json"]

_UNTOLD = {"received", "loading", "verifying", "warming"}
_WARNINGS = {"rejected", "deferred", "command-refused"}
_LOG = logging.getLogger("headrace")


def begin_logs(form: LogFormat) -> None:
    """Have what the program logs go to stderr in a form, and only that."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter("headrace: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _LOG.setLevel(logging.INFO)


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
