"""What flowed in the last quarter of an hour, a point a second: the lines of the page's charts.

A point tells what happened between two views. Quantiles are over the records of that second alone, as differences of
histograms; they are None where no record was scored.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.core.statistics import Timing

if TYPE_CHECKING:
    from headrace.monitor.view import VersionView, View

POINTS = 900


@dataclass(slots=True)
class Series:
    """Points at a second's distance, the oldest first."""

    points: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=POINTS))
    _before: View | None = None
    _at: int = 0

    def add(self, view: View, at: int) -> None:
        """Add the point of a moment, in milliseconds since the epoch; the first view is where counting begins."""
        if not view.at:  # nobody has looked yet
            return
        before, passed = self._before, at - self._at
        self._before, self._at = view, at
        if before is None or passed <= 0:
            return
        between = view.at - before.at
        seconds = (between if passed / 2 <= between <= passed * 2 else passed) / 1_000
        self.points.append(_make_point(before, view, at, seconds))

    def since(self, at: int) -> list[dict[str, Any]]:
        """Give the points after a moment."""
        return [point for point in self.points if point["at"] > at]


def _make_point(before: View, view: View, at: int, seconds: float) -> dict[str, Any]:
    slots: list[dict[str, Any]] = []
    known = {slot.key: slot.counts for slot in before.slots}
    gained = _find_gains(before, view)
    for slot in view.slots:
        was, now = known.get(slot.key), slot.counts
        timing = gained.get(slot.key, Timing())
        slots.append(
            {
                "data_type": slot.data_type,
                "slot": slot.slot,
                "scored": round((now.scored - (was.scored if was else 0)) / seconds, 2),
                "failed": round((now.dead_lettered - (was.dead_lettered if was else 0)) / seconds, 2),
                "skipped": round((now.skipped - (was.skipped if was else 0)) / seconds, 2),
                "p50_ns": timing.quantile(0.5),
                "p99_ns": timing.quantile(0.99),
            }
        )
    total, earlier = view.total, before.total
    return {
        "at": at,
        "in": round((total.received - earlier.received) / seconds, 2),
        "scored": round((total.scored - earlier.scored) / seconds, 2),
        "failed": round((total.dead_lettered - earlier.dead_lettered) / seconds, 2),
        "skipped": round((total.skipped - earlier.skipped) / seconds, 2),
        "slots": slots,
    }


def _find_gains(before: View, view: View) -> dict[tuple[str, str], Timing]:
    """Give what each slot's histogram gained."""
    known = {each.position: each for each in before.versions}
    found: dict[tuple[str, str], Timing] = {}
    for version in view.versions:
        was = known.get(version.position)
        if was is None or was.timing.count != version.timing.count:
            found.setdefault((version.data_type, version.slot), Timing()).merge(_subtract(version, was))
    return found


def _subtract(version: VersionView, was: VersionView | None) -> Timing:
    timing = version.timing
    if was is None:
        return timing
    buckets = {
        bucket: rows - was.timing.buckets.get(bucket, 0)
        for bucket, rows in timing.buckets.items()
        if rows > was.timing.buckets.get(bucket, 0)
    }
    return Timing(sum(buckets.values()), timing.total_ns - was.timing.total_ns, timing.min_ns, timing.max_ns, buckets)
