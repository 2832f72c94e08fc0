"""When a scored table agrees with the expected one: the project's rule.

Tolerance: relative and absolute 1e-9, or what ``meta.json`` says where that is wider (``precision``, ``zero``; ``ulps``
are units in the last place of single precision); 1e-6 where it says nothing. Text is compared exactly, true and false
equal 1 and 0, and an expected NA, N/A or empty cell wants an empty one. What is compared: the columns that
``meta.json`` names, else all that both tables have.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "None"})
BOOLEANS = {"true": 1.0, "false": 0.0}
SINGLE_ULP = 2.4e-7
TIGHT, UNSTATED = 1e-9, 1e-6


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file: names, and rows as wide as they."""

    names: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """Return a column's cells."""
        place = self.names.index(name)
        return [row[place] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far apart numbers may lie: ``relative`` to the expected one, or both within ``zero`` of zero."""

    relative: float
    zero: float

    def agree(self, expected: str, actual: str) -> bool:
        """Tell whether two cells agree."""
        if expected == actual:
            return True
        if expected in MISSING or actual in MISSING:
            return expected in MISSING and actual in MISSING
        wanted, found = _number(expected), _number(actual)
        if wanted is None or found is None or math.isnan(wanted) or math.isnan(found):
            return False
        near_zero = abs(wanted) <= self.zero and abs(found) <= self.zero
        return wanted == found or near_zero or abs(wanted - found) <= self.relative * abs(wanted)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a scored table compares: rows that agree in every field, and which fields agree in every row."""

    rows: int
    rows_matched: int
    fields: dict[str, bool]
    problem: str = ""

    @property
    def match(self) -> bool:
        """Tell whether everything agrees."""
        return not self.problem


def read_table(path: Path) -> Table:
    """Read a CSV file; a blank line is a row only where there is one column."""
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = list(csv.reader(file))
    width = len(names)
    kept = rows if width == 1 else [row for row in rows if row]
    return Table(names, [(row + [""] * width)[:width] for row in kept])


def read_tolerance(meta: Mapping[str, Any]) -> Tolerance:
    """Return the tolerance that a case's ``meta.json`` gives."""
    ulps = SINGLE_ULP * (meta.get("ulps") or 0)
    least = UNSTATED if meta.get("precision") is None and not ulps else TIGHT
    return Tolerance(
        max(least, float(meta.get("precision") or 0), ulps), max(least, float(meta.get("zero") or 0), ulps)
    )


def compare(expected: Table, scored: Table, meta: Mapping[str, Any]) -> Agreement:
    """Compare what was scored with what was expected."""
    names = meta.get("columns") or [name for name in expected.names if name in scored.names]
    excluded = meta.get("exclude") or []
    wanted = [name for name in dict.fromkeys(names) if name in expected.names and name not in excluded]
    count = len(expected.rows)
    if not wanted:
        return Agreement(count, 0, {}, f"no column to compare: {', '.join(scored.names)} came out")
    if len(scored.rows) != count:
        return Agreement(count, 0, dict.fromkeys(wanted, False), f"{len(scored.rows)} rows came out, not {count}")
    tolerance = read_tolerance(meta)
    good = [True] * count
    fields: dict[str, bool] = {}
    problems = []
    for name in wanted:
        wrong = _find_disagreements(expected, scored, name, tolerance)
        fields[name] = not wrong
        for row, _ in wrong:
            good[row] = False
        if wrong:
            row, cells = wrong[0]
            problems.append(f"{name}: {len(wrong)} rows differ, the first is row {row + 1}: {cells}")
    return Agreement(count, sum(good), fields, "; ".join(problems))


def _find_disagreements(expected: Table, scored: Table, name: str, tolerance: Tolerance) -> list[tuple[int, str]]:
    if name not in scored.names:
        return [(row, "no such column came out") for row in range(len(expected.rows))]
    pairs = zip(expected.column(name), scored.column(name), strict=True)
    return [
        (row, f"expected {want!r}, got {have!r}")
        for row, (want, have) in enumerate(pairs)
        if not tolerance.agree(want, have)
    ]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return BOOLEANS.get(text.lower())
