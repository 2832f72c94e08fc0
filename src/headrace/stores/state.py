"""An engine's state in a directory.

::

    DIRECTORY/
      lock            held by the engine that runs (flock)
      state.json      the state as of the last commit, under a checksum
      contents/       model bytes by digest
      files.json      which files the partitions are
      events.jsonl    what happened to models, for people

Rules:

1. ``state.json`` is replaced whole: after a crash it is that of the last commit.
2. One engine holds the directory; a second one is refused and told who holds it.
3. The first line names the version of the file's outer form and the checksum of what follows.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from pathlib import Path
from typing import IO

from headrace.errors import StateError
from headrace.stores.contents import DirectoryContents
from headrace.stores.durable import remove_leftovers, write_whole

VERSION = 1
_HEAD = b"headrace-state %d sha256=" % VERSION
_ANY_HEAD = re.compile(rb"headrace-state (\d+) ")


class StateDirectory:
    """A ``StateStore`` over a directory; made if it is not there.

    Raises ``StateError`` where another engine holds it or it cannot be written.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = _hold(self.path)
        self.contents = DirectoryContents(self.path / "contents")
        for directory in (self.path, self.contents.path):
            remove_leftovers(directory)

    def load(self) -> bytes | None:
        """Give the document saved last, None where there is none."""
        return read_state(self.path)

    def save(self, document: bytes) -> None:
        """Replace the document, all or nothing; durable when this returns."""
        try:
            write_whole(self.path / "state.json", _HEAD + _checksum(document) + b"\n" + document)
        except OSError as error:
            message = f"the state cannot be written to {self.path}: {error.strerror}"
            raise StateError(message) from error

    def note(self, lines: list[dict[str, object]]) -> None:
        """Append events for people to read; they are not part of the state. Raises ``OSError``."""
        with (self.path / "events.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def close(self) -> None:
        """Let another engine hold the directory."""
        self._lock.close()


def read_state(path: Path) -> bytes | None:
    """Read the state of a directory that an engine may be using; None where there is none."""
    file = path / "state.json"
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"the state cannot be read from {file}: {error.strerror}"
        raise StateError(message) from error
    head, _, document = content.partition(b"\n")
    versioned = _ANY_HEAD.match(head)
    if versioned and int(versioned[1]) > VERSION:
        message = f"{file} is of version {int(versioned[1])}, this Headrace reads version {VERSION}: upgrade Headrace"
        raise StateError(message)
    if not head.startswith(_HEAD) or head[len(_HEAD) :] != _checksum(document):
        message = f"{file} is damaged or is no state of Headrace: restore it from a copy, or choose another directory"
        raise StateError(message)
    return document


def _checksum(document: bytes) -> bytes:
    return hashlib.sha256(document).hexdigest().encode()


def _hold(path: Path) -> IO[str]:
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "lock").open("a+", encoding="ascii")
    except OSError as error:
        message = f"the state directory {path} cannot be used: {error.strerror}"
        raise StateError(message) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        message = (
            f"the state directory {path} is held by process {holder}: stop that engine or choose another directory"
        )
        raise StateError(message) from error
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
