"""Counts in Flink's metric system.

They are gauges that only rise: what a counter of PyFlink takes in while a timer is handled gets lost, and batches leave
by timers, while gauges are read at the end of each bundle.
"""

from __future__ import annotations

from typing import Any


class Gauges:
    """The counts of one group of metrics, each there from its first use on."""

    def __init__(self, group: Any) -> None:
        self._group = group
        self._counts: dict[str, int] = {}

    def add(self, name: str, count: int) -> None:
        """Raise a count."""
        if name not in self._counts:
            self._counts[name] = 0
            self._group.gauge(name, lambda: self._counts[name])
        self._counts[name] += count

    def within(self, name: str, value: str) -> Gauges:
        """Give a group within this one, for a value of a label."""
        return Gauges(self._group.add_group(name, value))
