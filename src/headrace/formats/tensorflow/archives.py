"""Archives of unknown origin to files in memory: zip, tar, and tar packed by gzip, bzip2 or xz.

Nothing is written anywhere. Refused are paths that are absolute or lead outside, links, devices and whatever else is no
plain file, two files of one path, and archives that unpack to more files or bytes than is allowed: sizes are counted
while bytes are unpacked, not believed.
"""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from headrace.errors import ModelFormatError, UnsupportedError

MAX_FILES = 10_000
MAX_BYTES = 2 * 2**30
MAX_RATIO = 200
"""How many bytes one byte of a packed archive may become, beyond ``FREE_BYTES``."""
FREE_BYTES = 16 * 2**20
_CHUNK = 2**20
_TAR_MAGIC, _TAR_PLACE = b"ustar", 257
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_ZIP = b"PK\x03\x04"
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError,
           RuntimeError, ValueError)  # fmt: skip

Entry = tuple[str, IO[bytes]]


def looks_like_archive(content: bytes) -> bool:
    """Tell whether the bytes begin as an archive does."""
    return content.startswith((_ZIP, *_PACKED)) or content[_TAR_PLACE : _TAR_PLACE + 5] == _TAR_MAGIC


def read_archive(content: bytes) -> dict[str, bytes]:
    """Read all files of an archive, by their paths. Raises ``ModelFormatError`` and ``UnsupportedError``."""
    files: dict[str, bytes] = {}
    left = min(MAX_BYTES, FREE_BYTES + MAX_RATIO * len(content))
    entries = _read_zip(content) if content.startswith(_ZIP) else _read_tar(content, left)
    try:
        for path, file in entries:
            if path in files:
                raise ModelFormatError(f"the archive holds {path!r} twice")
            if len(files) == MAX_FILES:
                raise UnsupportedError(f"the archive holds more than {MAX_FILES:,} files")
            files[path] = _read_file(path, file, left)
            left -= len(files[path])
    except _BROKEN as error:
        raise ModelFormatError(f"not a sound archive: {str(error) or type(error).__name__}") from error
    return files


def _read_file(path: str, file: IO[bytes], most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := file.read(_CHUNK):
        size += len(part)
        if size > most:
            raise UnsupportedError(f"the archive unpacks to more bytes than are allowed, at {path!r}")
        parts.append(part)
    return b"".join(parts)


def _read_zip(content: bytes) -> Iterator[Entry]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            kind = entry.external_attr >> 28
            if entry.flag_bits & 1:
                raise UnsupportedError(f"{entry.filename!r} in the archive is encrypted")
            if kind not in {0, 0o10, 0o4}:
                raise UnsupportedError(f"{entry.filename!r} in the archive is a link or no plain file")
            path = _clean(entry.filename)
            if not entry.is_dir():
                with archive.open(entry) as file:
                    yield path, file


class _Counted(io.RawIOBase):
    """A packed tar, unpacked no further than allowed: what lies between its files counts as well."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        super().__init__()
        self._file, self._left = file, most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise UnsupportedError("the archive unpacks to more bytes than are allowed")
        return data


def _read_tar(content: bytes, most: int) -> Iterator[Entry]:
    raw: IO[bytes] = io.BytesIO(content)
    if content.startswith(_PACKED):
        import bz2
        import gzip

        opened = {_PACKED[0]: gzip.open, _PACKED[1]: bz2.open, _PACKED[2]: lzma.open}
        raw = next(open_it for magic, open_it in opened.items() if content.startswith(magic))(raw)  # type: ignore[operator]
    counted: IO[bytes] = _Counted(raw, most + _CHUNK)  # type: ignore[assignment]
    with tarfile.open(fileobj=counted, mode="r|") as archive:
        for entry in archive:
            if entry.isdir():
                _clean(entry.name)
                continue
            if not entry.isreg() or entry.sparse is not None:
                raise UnsupportedError(f"{entry.name!r} in the archive is a link or no plain file")
            path = _clean(entry.name)
            file = archive.extractfile(entry)
            if file is not None:
                yield path, file


def _clean(path: str) -> str:
    """Give a path within the archive without ``./``."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts or "\\" in path or "\0" in path or ":" in path:
        raise UnsupportedError(f"the path {path!r} in the archive leads out of it")
    return "/".join(parts)
