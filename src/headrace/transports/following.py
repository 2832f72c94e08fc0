"""A thread that looks whether files have grown, and wakes whoever reads them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path


class Watch:
    """Calls ``wake`` when one of ``paths`` grew, shrank, was replaced or went away.

    It looks every ``interval`` seconds.
    """

    def __init__(self, paths: Sequence[Path], interval: float, wake: Callable[[], None]) -> None:
        self._paths = paths
        self._interval = interval
        self._wake = wake
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headrace-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        # The first look wakes always: a file may have grown since it was read and before it.
        seen: list[tuple[int, int] | None] | None = None
        while not self._closed.is_set():
            now = [_look(path) for path in self._paths]
            if now != seen:
                seen = now
                self._wake()
            self._closed.wait(self._interval)


def _look(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size
