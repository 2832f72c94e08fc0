"""Which files the partitions of a state are: partitions are numbers, and a number must go on meaning the same file.

Rules:

1. The list of a stream's files is kept beside the state, each as its path from the state directory: a project may be
   moved as a whole.
2. Between two runs files may be added if their names come last, since that renumbers none. Any other change is refused:
   records would be scored twice, or never.
3. The list is written before records are read. What it says counts once there is a commit; a state without a list, or
   a list without a state, knows nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from headrace.errors import SourceError, StateError
from headrace.stores.durable import write_whole

if TYPE_CHECKING:
    from headrace.app.inlets import Stream

_SHOWN = 10


def check_roster(directory: Path, stream: Stream) -> None:
    """Check a stream's files against those that a state has known. Raises ``SourceError`` and ``StateError``."""
    known = _read(directory).get(stream.section.stream, [])
    found = _name_files(directory, stream)
    if found[: len(known)] != known:
        place = next(
            (place for place, pair in enumerate(zip(known, found, strict=False)) if pair[0] != pair[1]), len(found)
        )
        raise SourceError(
            f"its files are no longer those that the state in {directory} has read: {_show(directory, known)} then, "
            f"{_show(directory, found)} now (the first difference is partition {place}). Partitions are numbered in "
            "the order of the names, so files may only be added with names that come last: put the files back, or "
            "begin with a new state"
        )


def write_roster(directory: Path, streams: Sequence[Stream]) -> None:
    """Write down the files of all streams; one that is not configured now keeps its own. Raises ``StateError``."""
    known = _read(directory)
    now = known | {stream.section.stream: _name_files(directory, stream) for stream in streams}
    if now == known:
        return
    try:
        write_whole(directory / "files.json", msgspec.json.encode(now))
    except OSError as error:
        raise StateError(f"the list of files cannot be written to {directory}: {error.strerror}") from error


def _read(directory: Path) -> dict[str, list[str]]:
    file = directory / "files.json"
    if not (directory / "state.json").exists():
        return {}
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, list[str]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise StateError(
            f"{file} is damaged or cannot be read: {error}. Restore it from a copy, or remove it if the files of the "
            "records are those of the run before"
        ) from error


def _name_files(directory: Path, stream: Stream) -> list[str]:
    return [os.path.relpath(path, directory) for path in stream.files.files]


def _show(directory: Path, names: list[str]) -> str:
    shown = ", ".join(os.path.normpath(directory / name) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
