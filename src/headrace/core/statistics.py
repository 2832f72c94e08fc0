"""Counts and scoring times per model version, mergeable and equal to a recount of the results.

Times are nanoseconds. All rows of a segment share one ``score_ns``, so a segment adds its row count to one bucket.
Buckets are log-linear: eight to each power of two, so that a quantile is off by at most one part in sixteen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace.core.distributions import Distribution

_SUB_BITS = 3
_SUB = 1 << _SUB_BITS


def bucket_of(nanoseconds: int) -> int:
    """Give the bucket that holds a duration."""
    if nanoseconds < _SUB:
        return max(nanoseconds, 0)
    shift = nanoseconds.bit_length() - 1 - _SUB_BITS
    return (shift << _SUB_BITS) + (nanoseconds >> shift)


def bucket_middle(bucket: int) -> float:
    """Give the duration in the middle of a bucket, in nanoseconds."""
    if bucket < _SUB:
        return float(bucket)
    shift = (bucket >> _SUB_BITS) - 1
    low = (bucket - (shift << _SUB_BITS)) << shift
    return low + (1 << shift) / 2


@dataclass(slots=True)
class Timing:
    """A mergeable summary of ``score_ns``."""

    count: int = 0
    total_ns: int = 0
    min_ns: int | None = None
    max_ns: int | None = None
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, rows: int, each_ns: int) -> None:
        """Count ``rows`` records that took ``each_ns`` nanoseconds each."""
        if not rows:
            return
        self.count += rows
        self.total_ns += rows * each_ns
        self.min_ns = each_ns if self.min_ns is None else min(self.min_ns, each_ns)
        self.max_ns = each_ns if self.max_ns is None else max(self.max_ns, each_ns)
        bucket = bucket_of(each_ns)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + rows

    def merge(self, other: Timing) -> None:
        """Add what another summary counted."""
        self.count += other.count
        self.total_ns += other.total_ns
        if other.min_ns is not None and other.max_ns is not None:
            self.min_ns = other.min_ns if self.min_ns is None else min(self.min_ns, other.min_ns)
            self.max_ns = other.max_ns if self.max_ns is None else max(self.max_ns, other.max_ns)
        for bucket, rows in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + rows

    @property
    def mean_ns(self) -> float | None:
        """The mean time of a record, or None before the first."""
        return self.total_ns / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """Give the time within which ``share`` (0 to 1) of the records were scored, or None before the first."""
        if not self.count or self.min_ns is None or self.max_ns is None:
            return None
        wanted, seen = share * self.count, 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return min(max(bucket_middle(bucket), self.min_ns), self.max_ns)
        return float(self.max_ns)


@dataclass(slots=True)
class VersionStatistics:
    """What one model version did in its slot.

    ``records`` were scored, ``errors`` went to dead letters from the scorer. ``since`` and ``until`` are milliseconds
    since the epoch; the load durations are nanoseconds; ``memory`` is bytes, as the loader estimated it. ``spread`` is
    how the values of the profile's fields are distributed (``core.spreads``), empty without a profile;
    ``distributions`` how the outputs are, by name.
    """

    records: int = 0
    errors: int = 0
    timing: Timing = field(default_factory=Timing)
    since: int | None = None
    until: int | None = None
    load_ns: int = 0
    verify_ns: int = 0
    warm_ns: int = 0
    memory: int = 0
    last_error: str = ""
    spread: list[list[int]] = field(default_factory=list)
    distributions: dict[str, Distribution] = field(default_factory=dict)


@dataclass(slots=True)
class Counts:
    """What became of the records: one count for each (record, addressed slot)."""

    received: int = 0
    scored: int = 0
    dead_lettered: int = 0
    skipped: int = 0

    def add(self, other: Counts) -> None:
        """Add another's counts."""
        self.received += other.received
        self.scored += other.scored
        self.dead_lettered += other.dead_lettered
        self.skipped += other.skipped

    @property
    def balanced(self) -> bool:
        """Whether everything that came in is accounted for."""
        return self.received == self.scored + self.dead_lettered + self.skipped
