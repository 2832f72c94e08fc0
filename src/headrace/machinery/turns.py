"""How long one thread of this process may keep another waiting for the interpreter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

TURN = 0.0005
"""Seconds. The interpreter's own 5 ms would each time be a wait of 5 ms for a record: whenever the scoring thread comes
back from a kernel while another thread puts a new model together."""


@contextmanager
def brief_turns() -> Iterator[None]:
    """Shorten the interpreter's switch interval while an engine runs; it is the whole process's."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, TURN))
    try:
        yield
    finally:
        sys.setswitchinterval(before)
