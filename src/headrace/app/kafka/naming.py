"""Names for instances that were given none: the machine's, and the lowest number that no other instance on it holds.

A process that is started again takes the number of the one that crashed, and with it what that one left open: its
unfinished transaction ends at once and not after its timeout. The number is held by a lock, which goes with the
process however that ends.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Claim:
    """A number that this process holds, and the open file that holds it."""

    number: int
    file: BinaryIO

    @property
    def name(self) -> str:
        """The instance's name."""
        return f"{socket.gethostname()}-{self.number}"

    def release(self) -> None:
        """Let another process hold the number."""
        self.file.close()


def claim_number(group: str, folder: Path | None = None) -> Claim:
    """Take the lowest free number of a group on this machine."""
    folder = folder or Path(tempfile.gettempdir()) / f"headrace-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = sha256(group.encode()).hexdigest()[:16]
    for number in count():
        file = (folder / f"{stem}-{number}.lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        return Claim(number, file)
    raise AssertionError
