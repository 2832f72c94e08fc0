"""The time of day."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Give the time of day in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
