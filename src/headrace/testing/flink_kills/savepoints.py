"""The statistics in a savepoint: what the job's state says that each model version has done.

A join's snapshot is JSON, kept in Flink's state as it is, so that it is found in a savepoint's files by its beginning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from headrace.core.snapshot import VERSION, Snapshot, decode_snapshot
from headrace.core.statistics import VersionStatistics

_BEGIN = b'{"version":%d,"position"' % VERSION


def read_accounts(folder: Path) -> Iterator[tuple[int, VersionStatistics]]:
    """Give the position and the statistics of each version in the newest savepoint of a folder."""
    newest = max(folder.glob("savepoint-*"), key=lambda each: each.stat().st_mtime)
    for snapshot in _find_snapshots(newest):
        for slot in snapshot.slots:
            for candidate in (*slot.live, *slot.history):
                yield candidate.position, candidate.statistics


def _find_snapshots(savepoint: Path) -> Iterator[Snapshot]:
    for file in sorted(savepoint.iterdir()):
        content = file.read_bytes()
        place = content.find(_BEGIN)
        while place >= 0:
            _, length = json.JSONDecoder().raw_decode(content[place:].decode("latin-1"))
            yield decode_snapshot(content[place : place + length])
            place = content.find(_BEGIN, place + length)
