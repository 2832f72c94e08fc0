"""A wake-up call that any thread and any signal handler may give.

A ``threading.Event`` would not do: a handler that runs while its thread is inside the event's lock waits for ever.
"""

from __future__ import annotations

import queue


class Bell:
    """Rung by anyone, waited for by one thread. What was rung before a wait ends that wait at once."""

    def __init__(self) -> None:
        self._rings: queue.SimpleQueue[None] = queue.SimpleQueue()

    def ring(self) -> None:
        """Wake the thread that waits, or the next one that will."""
        if self._rings.empty():
            self._rings.put(None)

    def wait(self, timeout: float) -> None:
        """Wait until it is rung, at most so many seconds."""
        try:
            self._rings.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return
