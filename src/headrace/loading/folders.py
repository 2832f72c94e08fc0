"""A model that is a folder, as the bytes of an archive: the same files give the same bytes, and so the same digest."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

from headrace.errors import DescriptorError, SourceError, UnsupportedError

_MAX_FILES = 10_000


def pack_folder(folder: Path, max_bytes: int) -> bytes:
    """Archive a folder as tar: plain files in the order of their paths, without times, owners and rights.

    Raises ``DescriptorError`` for a link or what is no plain file, ``UnsupportedError`` above the size limit or 10,000
    files, and ``SourceError`` where something cannot be read.
    """
    packed = io.BytesIO()
    left = max_bytes
    try:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for number, (path, name) in enumerate(_list_files(folder)):
                content = _read_file(path, left)
                left -= len(content)
                if left < 0 or number >= _MAX_FILES:
                    raise UnsupportedError(
                        f"the folder {folder} holds more than {max_bytes:,} bytes or {_MAX_FILES:,} files"
                    )
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    except OSError as error:
        raise SourceError(f"the folder {folder} cannot be read: {error.strerror or error}") from error
    return packed.getvalue()


def _list_files(folder: Path, prefix: str = "") -> Iterator[tuple[Path, str]]:
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        if entry.is_symlink():
            raise DescriptorError(f"{entry.path} is a link: put the file itself into the model's folder")
        if entry.is_dir(follow_symlinks=False):
            yield from _list_files(Path(entry.path), f"{prefix}{entry.name}/")
        else:
            yield Path(entry.path), f"{prefix}{entry.name}"


def _read_file(path: Path, most: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise DescriptorError(f"{path} is no plain file")
        return file.read(most + 1)
