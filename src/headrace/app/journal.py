"""What happens to models, written for people beside the state.

An event is on file before the commit that makes it durable: whoever sees a position in the state finds what happened
there in the journal. After a crash an event may be there twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from headrace.core.events import Event, describe_event
from headrace.stores.state import StateDirectory

_LOG = logging.getLogger("headrace.app.journal")


class Journal:
    """An ``Observer`` that appends events to a state directory."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state

    def happened(self, events: Sequence[object]) -> None:
        """Append events. A disk that fails is logged: the events are no part of the state."""
        try:
            self._state.note([describe_event(cast("Event", event)) for event in events])
        except OSError as error:
            _LOG.warning("events cannot be written to %s: %s", self._state.path, error.strerror)

    def advanced(self, outcome: object) -> None:
        """Leave results to the sinks."""

    def committed(self) -> None:
        """Leave commits to the state."""


class JournalReader:
    """Reads a directory's journal from where it ends now, or from its beginning."""

    def __init__(self, directory: Path, *, from_end: bool = False) -> None:
        self._file = directory / "events.jsonl"
        self._place = self._file.stat().st_size if from_end and self._file.is_file() else 0

    def read(self) -> Iterator[dict[str, Any]]:
        """Give the events that were added since; a line that is not complete waits, one that is damaged is left out."""
        if not self._file.is_file():
            return
        with self._file.open("rb") as file:
            file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._place += len(line)
                try:
                    yield msgspec.json.decode(line, type=dict[str, Any])
                except msgspec.MsgspecError:
                    continue
