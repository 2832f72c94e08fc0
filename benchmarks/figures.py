"""Figures as every benchmark prints them: one line each, ``name: value, goal G, met`` or ``missed``."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Figures:
    """Prints figures and remembers whether every goal was met."""

    met: bool = True
    lines: list[str] = field(default_factory=list)

    def tell(self, name: str, value: str) -> None:
        """Print a figure that has no goal."""
        self._print(f"{name}: {value}")

    def hold(self, name: str, value: float, goal: float, unit: str = "", *, most: bool = False) -> None:
        """Print a figure beside its goal: at least that much, or at ``most``."""
        met = value <= goal if most else value >= goal
        self.met &= met
        sign = "at most" if most else "at least"
        self._print(f"{name}: {value:.2f}{unit}, goal {sign} {goal:g}{unit}, {'met' if met else 'missed'}")

    def _print(self, line: str) -> None:
        self.lines.append(line)
        print(line, flush=True)


def tell_load() -> str:
    """Say how busy the machine is."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Give the lower quartile, the median and the upper quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def interleave(arms: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run every arm once a round, in turn; the order is turned round each time."""
    taken: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(rounds):
        for name in list(arms)[:: -1 if number % 2 else 1]:
            taken[name].append(arms[name]())
    return taken


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Divide round by round."""
    return [one / other for one, other in zip(above, below, strict=True)]
