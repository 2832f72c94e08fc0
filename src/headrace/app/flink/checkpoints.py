"""What a job's state says, read from its newest checkpoint or savepoint: no part of Flink is needed, nor that it runs.

A join's snapshot is JSON that Flink's state keeps as it is, so it is found in the files of a checkpoint by its
beginning. That takes Flink's own kind of state backend (``hashmap``, the default) without compression.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from headrace.core.snapshot import Snapshot, decode_snapshot
from headrace.errors import StateError

_SCHEME = "file:"
_BEGIN = re.compile(r'\{"version":\d+,"position"')
_TRIES = 5


def find_newest(checkpoints: str) -> str | None:
    """Find the newest checkpoint or savepoint of a folder on this machine, None where there is none."""
    folder = _list_newest(checkpoints)
    return None if folder is None else folder.as_uri()


def read_newest(checkpoints: str) -> tuple[int, list[Snapshot]]:
    """Give when the newest checkpoint was made (milliseconds since the epoch) and the snapshot of every key in it.

    Raises ``StateError`` where there is none, or where it lies on no file system of this machine.
    """
    if not checkpoints.startswith(_SCHEME):
        raise StateError(f"the checkpoints are at {checkpoints}: only those on a file system of this machine are read")
    for _ in range(_TRIES):
        newest = _list_newest(checkpoints)
        if newest is None:
            break
        try:
            made = (newest / "_metadata").stat().st_mtime_ns // 1_000_000
            return made, [each for file in sorted(newest.iterdir()) for each in _read_snapshots(file)]
        except FileNotFoundError:  # Flink took it away, for a newer one
            continue
    raise StateError(f"there is no checkpoint in {checkpoints} yet: a job makes the first some seconds after its start")


def _list_newest(checkpoints: str) -> Path | None:
    if not checkpoints.startswith(_SCHEME):
        return None
    found: list[tuple[float, Path]] = []
    for file in Path(checkpoints.removeprefix("file://")).glob("**/_metadata"):
        try:
            found.append((file.stat().st_mtime, file.parent))
        except FileNotFoundError:
            continue
    return max(found, key=lambda each: each[0])[1] if found else None


def _read_snapshots(file: Path) -> Iterator[Snapshot]:
    text = file.read_bytes().decode("latin-1")  # a character for each byte
    decoder = json.JSONDecoder()
    found = _BEGIN.search(text)
    while found:
        _, end = decoder.raw_decode(text, found.start())
        yield decode_snapshot(text[found.start() : end].encode("latin-1"))
        found = _BEGIN.search(text, end)
