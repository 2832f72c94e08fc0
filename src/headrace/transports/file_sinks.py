"""Output appended to one file, each record once.

1. What lies in the file beyond the place that was committed last is taken back by cutting the file there. So commit
   once after ``recover(None)`` and before the first ``write``, and store that place: then a crash before the next
   commit leaves nothing that a restart would refuse.
2. A file that is there at a first start is not touched unless ``existing`` says so.
3. What was committed is checked before anything is written: length, and the digest of its last bytes.
4. A write that fails is taken back. Where that fails too, or where the system does not confirm that bytes are on the
   disk, the sink refuses all further work, and ``recover`` at the next start mends the file.
5. One process writes: the file is locked (flock) while it is open.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from headrace.errors import SinkError

if TYPE_CHECKING:
    from headrace.abc.sink import Place

Written = TypeVar("Written")
Existing = Literal["refuse", "append", "overwrite"]
_TAIL = 4_096


class FileSink(Generic[Written]):
    """Appends what ``encode`` makes of each batch to one file.

    ``header`` is written before the first batch of a file that is empty: bytes, or a function of that batch (CSV's
    names). ``existing`` says what a first start does with a file that holds something: ``refuse`` it, ``append`` to it,
    or ``overwrite`` it. Exactly once. A reader of the growing file sees what was not committed yet; bytes up to the
    committed length never change.
    """

    def __init__(
        self,
        path: str | Path,
        encode: Callable[[Written], bytes],
        header: bytes | Callable[[Written], bytes] = b"",
        existing: Existing = "refuse",
    ) -> None:
        self.path = Path(path)
        self._encode = encode
        self._header = header
        self._existing = existing
        self._file = -1
        self._length = 0
        self._tail = b""
        self._broken = ""

    @property
    def exactly_once(self) -> bool:
        """True."""
        return True

    def recover(self, place: Place | None) -> None:
        """Open the file and cut it to a place; create it where there is no place yet.

        Raises ``SinkError`` where the file is not the one of the place, where something lies in the way of a first
        start, and where another process writes to it.
        """
        self.close()
        self._broken = ""
        try:
            with writing(self.path):
                self._open(create=place is None)
                self._cut(place)
        except SinkError:
            self.close()
            raise

    def write(self, written: Written) -> None:
        """Append a batch. Raises ``SinkError``; the file is then as it was before."""
        self._check()
        content = self._encode(written)
        if not self._length:
            content = (self._header(written) if callable(self._header) else self._header) + content
        try:
            with writing(self.path):
                self._append(content)
        except SinkError:
            self._take_back()
            raise
        self._length += len(content)
        self._tail = (self._tail + content[-_TAIL:])[-_TAIL:]

    def commit(self) -> Place:
        """Flush the file to disk; give its length and the digest of its last bytes.

        Raises ``SinkError``, also where the file was removed, replaced or changed in length meanwhile.
        """
        return self.begin_commit()()

    def begin_commit(self) -> Callable[[], Place]:
        """Take length and last bytes; what is given flushes the file to disk, while it may be written on."""
        self._check()
        self._check_untouched()
        place = {"path": str(self.path.absolute()), "length": self._length, "tail": _digest(self._tail)}
        return lambda: self._flush(place)

    def _flush(self, place: Place) -> Place:
        try:
            with writing(self.path):
                os.fsync(self._file)
        except SinkError:
            self._broken = "the system could not flush it to disk"
            raise
        return place

    def close(self) -> None:
        """Give back the file; what was not committed stays in it until the next start."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self, *, create: bool) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        try:
            self._file = os.open(self.path, flags)
        except FileNotFoundError as error:
            if not create:
                raise SinkError(
                    f"{self.path} is not there, and the state knows what was written to it: put it back, or begin with "
                    "a new state"
                ) from error
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, flags | os.O_CREAT | os.O_EXCL, 0o666)
            flush(self.path.parent)
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise SinkError(f"{self.path} is not a file, so nothing can be taken back from it: name a file")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SinkError(f"{self.path} is written by another process: end that one, or name another file") from error

    def _cut(self, place: Place | None) -> None:
        size = os.fstat(self._file).st_size
        self._length = self._first_length(size) if place is None else self._placed_length(place, size)
        if self._length != size:
            os.ftruncate(self._file, self._length)
        os.fsync(self._file)
        self._tail = os.pread(self._file, _TAIL, max(0, self._length - _TAIL))

    def _first_length(self, size: int) -> int:
        if size and self._existing == "refuse":
            raise SinkError(
                f"{self.path} holds {size} bytes already and there is no state that knows them: name another file, or "
                'allow to append to it or to overwrite it (if_exists = "append" or "overwrite")'
            )
        return 0 if self._existing == "overwrite" else size

    def _placed_length(self, place: Place, size: int) -> int:
        length, tail = place.get("length"), place.get("tail")
        if not isinstance(length, int) or not isinstance(tail, str):
            raise SinkError(f"the place {dict(place)} is not one of a file: the state belongs to another kind of sink")
        found = os.pread(self._file, min(_TAIL, length), max(0, length - _TAIL))
        if size < length or _digest(found) != tail:
            what = f"holds {size} bytes of" if size < length else "was changed within"
            raise SinkError(
                f"{self.path} {what} the {length} bytes that were committed to {place.get('path')}: put that file "
                "back, or begin with a new state and another file"
            )
        return length

    def _append(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._file, self._length)
        except OSError as error:
            self._broken = f"a write failed and could not be taken back ({error.strerror})"

    def _check(self) -> None:
        if self._file < 0:
            raise SinkError(f"{self.path} is not open: recover comes before the first write")
        if self._broken:
            raise SinkError(f"{self.path} is not written any more, since {self._broken}: mend the disk and start again")

    def _check_untouched(self) -> None:
        opened = os.fstat(self._file)
        try:
            named = self.path.stat()
        except OSError:
            named = None
        if named is None or (named.st_dev, named.st_ino) != (opened.st_dev, opened.st_ino):
            raise SinkError(
                f"{self.path} was removed or replaced while it was written: stop what does that, start anew"
            )
        if opened.st_size != self._length:
            raise SinkError(
                f"{self.path} holds {opened.st_size} bytes and {self._length} were written: stop what else writes to it"
            )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into a ``SinkError`` that names it and says what to do."""
    try:
        yield
    except IsADirectoryError as error:
        raise SinkError(f"{path} is a directory: name a file") from error
    except PermissionError as error:
        raise SinkError(f"{path} may not be written: give this user the permission to, or name another file") from error
    except OSError as error:
        raise SinkError(f"{path} cannot be written: {error.strerror or error}. Make room there, or mend it") from error


def flush(path: Path) -> None:
    """Make a file durable; or a directory, after files were created, renamed or removed in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
