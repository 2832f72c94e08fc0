"""What the demo's engine has written so far, read as anyone could read it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Version = tuple[str, str, str, int]
"""Slot, model, version, position."""


@dataclass(slots=True)
class LineReader:
    """Reads whole lines of a growing file; one that was cut back, as after a crash, is read again from the start."""

    path: Path
    place: int = 0
    cut: bool = False

    def read(self) -> Iterator[dict[str, Any]]:
        """Give the lines that are new. ``cut`` tells that what was given before is void."""
        size = self.path.stat().st_size if self.path.exists() else 0
        self.cut = size < self.place
        if self.cut:
            self.place = 0
        if size == self.place:
            return
        with self.path.open("rb") as file:
            file.seek(self.place)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self.place += len(line)
                yield json.loads(line)


@dataclass(slots=True)
class Progress:
    """Counts over the results so far, and the events since the last look."""

    results: LineReader
    happenings: LineReader
    scored: Counter[Version] = field(default_factory=Counter)
    records: int = 0
    latest: dict[str, Any] | None = None

    def look(self) -> list[dict[str, Any]]:
        """Read on; give the new events."""
        lines = list(self.results.read())
        if self.results.cut:
            self.scored.clear()
            self.records = 0
        for line in lines:
            version = (line["slot"], line["model"], line["version"], line["position"])
            self.scored[version] += 1
            self.records += line["slot"] == ""
            self.latest = line
        return list(self.happenings.read())
