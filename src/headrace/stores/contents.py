"""Model bytes by digest, each kept once.

Whoever reads bytes back may share a core with the thread that scores: they are read and checked in pieces, with a pause
after each. A piece takes a fraction of a millisecond; a model in one go would hold records back for longer.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

from headrace.errors import StateError
from headrace.stores.durable import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from headrace.abc.loader import Contents


_PIECE = 256 * 2**10
_PAUSE_SECONDS = 0.0002


def digest_of(content: bytes) -> str:
    """Give the SHA-256 of bytes in lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@dataclass(slots=True)
class MemoryContents:
    """Model bytes in memory, for as long as the process lives."""

    held: dict[str, bytes] = field(default_factory=dict)

    def get(self, digest: str) -> bytes | None:
        """Give the bytes of a digest, or None where they are not held."""
        return self.held.get(digest)

    def put(self, content: bytes) -> str:
        """Keep bytes and return their digest."""
        digest = digest_of(content)
        self.held.setdefault(digest, content)
        return digest

    def keep_only(self, digests: Collection[str]) -> None:
        """Give back the memory of all others."""
        for digest in self.held.keys() - set(digests):
            del self.held[digest]


@dataclass(frozen=True, slots=True)
class DirectoryContents:
    """Model bytes as files named by digest. What is read is checked against its name."""

    path: Path

    def get(self, digest: str) -> bytes | None:
        """Give the bytes of a digest, or None where they are not held.

        Raises ``StateError`` where the file cannot be read or does not hold what its name says.
        """
        file = self.path / digest
        if not _is_digest(digest):
            return None
        try:
            content, found = _read(file)
        except FileNotFoundError:
            return None
        except OSError as error:
            message = f"model bytes cannot be read from {file}: {error.strerror}"
            raise StateError(message) from error
        if found != digest:
            message = f"{file} does not hold the bytes that its name says: remove it and publish the model again"
            raise StateError(message)
        return content

    def put(self, content: bytes) -> str:
        """Keep bytes, durable when this returns, and return their digest. What is held damaged is written again."""
        digest = digest_of(content)
        if not _holds(self, digest):
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                write_whole(self.path / digest, content)
            except OSError as error:
                message = f"model bytes cannot be kept in {self.path}: {error.strerror}"
                raise StateError(message) from error
        return digest

    def keep_only(self, digests: Collection[str]) -> None:
        """Remove all others from the disk."""
        if self.path.is_dir():
            for file in self.path.iterdir():
                if _is_digest(file.name) and file.name not in digests:
                    file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class LayeredContents:
    """An engine's own store before others that it only reads, such as a model log's."""

    own: MemoryContents | DirectoryContents
    others: tuple[Contents, ...] = ()

    def get(self, digest: str) -> bytes | None:
        """Give the bytes of a digest from the first store that holds them."""
        for store in (self.own, *self.others):
            content = store.get(digest)
            if content is not None:
                return content
        return None

    def put(self, content: bytes) -> str:
        """Keep bytes in the engine's own store, unless another holds them."""
        digest = digest_of(content)
        return digest if any(_holds(store, digest) for store in self.others) else self.own.put(content)

    def keep_only(self, digests: Collection[str]) -> None:
        """Forget all others in the engine's own store."""
        self.own.keep_only(digests)


def _read(file: Path) -> tuple[bytes, str]:
    """Read a file and find its digest."""
    hasher, buffer = hashlib.sha256(), BytesIO()  # which gives its bytes away without a copy
    with file.open("rb", buffering=0) as opened:
        while piece := opened.read(_PIECE):
            buffer.write(piece)
            hasher.update(piece)
            time.sleep(_PAUSE_SECONDS)
    return buffer.getvalue(), hasher.hexdigest()


def _holds(store: Contents, digest: str) -> bool:
    """Tell whether a store holds a digest's bytes undamaged."""
    try:
        return store.get(digest) is not None
    except StateError:
        return False


def _is_digest(name: str) -> bool:
    return len(name) == 64 and all(letter in "0123456789abcdef" for letter in name)
