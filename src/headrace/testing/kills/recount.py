"""What every campaign's output is held against: the records of its plan, each once, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import msgspec

from headrace.testing.kills.plan import code_of

if TYPE_CHECKING:
    from headrace.core.statistics import VersionStatistics
    from headrace.wire.dead_letters import DeadLetter

Times = dict[int, tuple[int, int, int | None, int | None]]
"""By the position of a publication: how many scores, their time in all, the least and the greatest."""


class Records(Protocol):
    """Of a plan, what tells which records there were."""

    @property
    def partitions(self) -> int:
        """How many partitions there are."""

    def count(self, partition: int) -> int:
        """Tell how many records a partition holds."""


class Line(msgspec.Struct, frozen=True):
    """What of a line of results is looked at."""

    partition: int
    offset: int
    position: int
    digest: str
    score_ns: int
    outputs: dict[str, float | None]


def count_breaches(records: Records, lines: Sequence[Line], letters: Iterable[DeadLetter]) -> dict[str, int]:
    """Count the good records that are not in the results once, and the bad ones not in the dead letters once."""
    scored = Counter((line.partition, line.offset) for line in lines)
    refused = Counter(((letter.partition, letter.offset), letter.code) for letter in letters)
    places = [(number, offset) for number in range(records.partitions) for offset in range(records.count(number))]
    good = {place for place in places if not code_of(place[1])}
    bad = Counter({(place, code): 1 for place in places if (code := code_of(place[1]))})
    return {
        "lost": len(good - scored.keys()),
        "duplicated": sum(scored.values()) - len(scored),
        "scored and not to be": len(scored.keys() - good),
        "dead letters lost": (bad - refused).total(),
        "dead letters too many": (refused - bad).total(),
    }


def count_falls(partitions: int, lines: Sequence[Line], values: Iterable[int]) -> int:
    """Count how often the value of a line is less than the one before it, along each partition."""
    along: list[list[int]] = [[] for _ in range(partitions)]
    for line, value in zip(lines, values, strict=True):
        along[line.partition].append(value)
    return sum(later < earlier for each in along for earlier, later in pairwise(each))


def recount(lines: Iterable[Line]) -> Times:
    """Add up what the lines say of each version."""
    times: dict[int, list[int]] = {}
    for line in lines:
        times.setdefault(line.position, []).append(line.score_ns)
    return {position: (len(each), sum(each), min(each), max(each)) for position, each in times.items()}


def read_times(accounts: Iterable[tuple[int, VersionStatistics]]) -> Times:
    """Give what an engine's statistics say of each version, as ``recount`` does."""
    timings = ((position, each.timing) for position, each in accounts)
    return {
        position: (timing.count, timing.total_ns, timing.min_ns, timing.max_ns)
        for position, timing in timings
        if timing.count
    }
