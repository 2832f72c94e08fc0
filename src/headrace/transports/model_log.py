"""The model stream as a directory: publishers append messages, engines follow.

::

    DIRECTORY/
      lock                        taken (flock) while a message is stamped and put in place
      00000000000000000000.msg    one message a file, named by its position
      contents/                   model bytes by digest

Rules:

1. A message is there whole or not at all, and is never changed or removed: positions have no gaps.
2. A publisher stamps and puts a message under the exclusive lock, until it is durable. An engine reads under the shared
   lock: it sees nothing that a power cut could take back, and when it sees the end of the log it knows that whatever
   comes later is stamped at that time or later. While a publisher holds the lock an engine reads nothing and goes on.
3. A log that lacks a message that was read before is another log, or was cut: an error, since positions would be given
   twice.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.abc.source import Reading
from headrace.errors import CommandError, SourceError
from headrace.records import Malformed, ModelMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace.abc.source import Wake
    from headrace.records import Command

    Decode = Callable[[bytes], Command]
    Stamped = Callable[[bytes], int | None]

_MOST = 1_000


def contents_of(log: Path) -> Path:
    """Give the directory in which a log keeps model bytes by digest."""
    return log / "contents"


def append_message(log: Path, stamp: Callable[[int], bytes]) -> int:
    """Append one message and give its position; ``stamp`` makes its bytes of the append time (ms).

    Durable when this returns. Raises ``SourceError`` where the directory cannot be written or lacks messages.
    """
    try:
        log.mkdir(parents=True, exist_ok=True)
        with _locked(log, fcntl.LOCK_EX):
            position = _end(log)
            _put(log / _name(position), stamp(_now()))
    except OSError as error:
        message = f"the model log {log} cannot be written: {error.strerror}"
        raise SourceError(message) from error
    return position


class ModelLog:
    """A ``ModelSource`` over a log directory, which need not exist yet.

    ``decode`` and ``stamped`` read a message's command and its append time. With ``follow`` the log goes on after its
    end; without, it ends there.
    """

    def __init__(self, path: Path, decode: Decode, stamped: Stamped, *, follow: bool = True) -> None:
        if path.exists() and not path.is_dir():
            message = f"the model log {path} is not a directory: name the directory that publishers append to"
            raise SourceError(message)
        self._path = path
        self._decode = decode
        self._stamped = stamped
        self._follow = follow
        self._next = 0

    def start(self, wake: Wake) -> None:
        """Begin. A directory wakes nobody: the engine polls."""

    def resume(self, position: int) -> None:
        """Go on after the message at ``position``; -1 means from the beginning.

        Raises ``SourceError`` where the log does not hold that message.
        """
        if position >= 0 and not (self._path / _name(position)).exists():
            message = (
                f"the model log {self._path} does not hold message {position}, which was read before: it is another"
                " log, or was cut; restore it, or begin with another state directory"
            )
            raise SourceError(message)
        self._next = position + 1

    def poll(self) -> Reading:
        """Give the messages that are there now, and the time up to which there are no others."""
        seen_at = _now()
        if not self._path.is_dir():
            return Reading(read_to=seen_at - 1, ended=not self._follow)
        try:
            with _locked(self._path, fcntl.LOCK_SH | fcntl.LOCK_NB):
                return self._read()
        except BlockingIOError:
            return Reading()
        except OSError as error:
            message = f"the model log {self._path} cannot be read: {error.strerror}"
            raise SourceError(message) from error

    def _read(self) -> Reading:
        seen_at = _now()
        messages: list[ModelMessage] = []
        while len(messages) < _MOST and (self._path / _name(self._next)).exists():
            messages.append(self._message(self._next))
            self._next += 1
        if len(messages) == _MOST:
            return Reading(tuple(messages))
        return Reading(tuple(messages), seen_at - 1, ended=not self._follow)

    def _message(self, position: int) -> ModelMessage:
        file = self._path / _name(position)
        content = file.read_bytes()
        try:
            appended = self._stamped(content)
            command = self._decode(content)
        except CommandError as error:
            appended, command = None, Malformed(f"{file.name}: {error}")
        if appended is None:
            appended = int(file.stat().st_mtime * 1000)
        return ModelMessage(position, appended, command)

    def close(self) -> None:
        """Nothing is held between polls."""


def _name(position: int) -> str:
    return f"{position:020d}.msg"


def _end(log: Path) -> int:
    """Find the first position without a message: they have no gaps, so a doubling search finds it."""
    if not (log / _name(0)).exists():
        later = next(log.glob("*.msg"), None)
        if later is not None:
            message = f"the model log {log} holds {later.name} and lacks its first message: restore it, or begin anew"
            raise SourceError(message)
        return 0
    low, high = 0, 1
    while (log / _name(high)).exists():
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if (log / _name(middle)).exists() else (low, middle)
    return high


def _put(file: Path, content: bytes) -> None:
    beside = file.with_suffix(f".{os.getpid()}.new")
    with beside.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    beside.replace(file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _locked(log: Path, how: int) -> Iterator[None]:
    try:
        descriptor = os.open(log / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        descriptor = os.open(log / "lock", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _now() -> int:
    return time.time_ns() // 1_000_000
