"""What a campaign's command prints: how far it is, and a line for each goal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and what it has to be."""

    value: int
    wanted: int | str
    met: bool


def none_of(value: int) -> Goal:
    """Make the goal that there is none."""
    return Goal(value, 0, met=value == 0)


def some_of(value: int) -> Goal:
    """Make the goal that there is any: else the campaign shows nothing."""
    return Goal(value, "> 0", met=value > 0)


def as_planned(value: int, planned: int) -> Goal:
    """Make the goal that there are as many as were planned."""
    return Goal(value, planned, met=value >= planned)


def count_aloud(planned: int, what: str = "kills") -> Callable[[int], None]:
    """Begin to tell how many kills, or others, were made of those that are planned; the clock starts now."""
    began = time.monotonic()

    def tell(kills: int) -> None:
        sys.stderr.write(f"\r{kills} of {planned} {what}, {time.monotonic() - began:.0f} s")
        sys.stderr.flush()

    return tell


def report(heading: str, goals: Mapping[str, Goal]) -> int:
    """Print the goals below a heading; give the exit status: 0 where all are met."""
    lines = [heading]
    for name, goal in goals.items():
        lines.append(f"{name}: {goal.value:,}, goal {goal.wanted}, {'met' if goal.met else 'missed'}")
    sys.stderr.write("\n")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0 if all(goal.met for goal in goals.values()) else 1
