"""Opening files to read: plain or compressed, and what the errors of the system mean to a person."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from headrace.errors import SourceError

if TYPE_CHECKING:
    from os import stat_result

_CODECS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4"}
_OTHERS = {".7z", ".xz", ".z", ".zip", ".lzma", ".br", ".sz", ".snappy", ".tar", ".tgz"}


class Stream(Protocol):
    """Bytes in their order; ``read`` gives none at the end."""

    def read(self, most: int) -> bytes:
        """Read up to so many bytes."""

    def close(self) -> None:
        """Give back the file."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into a ``SourceError`` that names it and says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"{path} is not there: name a file that exists") from error
    except IsADirectoryError as error:
        raise SourceError(f"{path} is a directory: name the files in it, such as {path}/*") from error
    except PermissionError as error:
        raise SourceError(f"{path} may not be read: give this user the permission to") from error
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise SourceError(f"{path} cannot be read, it is damaged or of another kind: {reason}") from error


def check_file(path: Path) -> stat_result:
    """Tell about a file, which must be one: not a directory, a pipe or a device. Call it within ``reading``."""
    about = path.stat()
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError
    if not stat.S_ISREG(about.st_mode):
        raise SourceError(f"{path} is not a file but a pipe or a device, which cannot be read again: save it as a file")
    return about


def is_compressed(path: Path) -> bool:
    """Whether a file's suffix says that it is compressed. Raises ``SourceError`` for a kind that cannot be read."""
    suffix = path.suffix.lower()
    if suffix in _OTHERS:
        raise SourceError(f"{path}: {suffix} files are not read; unpack it, or compress with {', '.join(_CODECS)}")
    return suffix in _CODECS


def open_stream(path: Path) -> Stream:
    """Open a file; one whose suffix says so (``.gz``, ``.zst``, ``.bz2``, ``.lz4``) is decompressed as it is read."""
    if is_compressed(path):
        stream: Stream = pa.CompressedInputStream(pa.OSFile(str(path)), _CODECS[path.suffix.lower()])
        return stream
    return path.open("rb", buffering=0)
