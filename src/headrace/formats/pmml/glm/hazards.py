"""Baseline cumulative hazards: of the whole, or one table a stratum.

The hazard at a time is that of the last cell whose time is not after it; before the first cell it is 0, after the
greatest time nothing is known. Standard: "General Regression", BaseCumHazardTables, PMML 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """One table of times and cumulative hazards."""

    times: Floats
    hazards: Floats
    last: float

    def evaluate(self, times: Floats) -> Floats:
        """Return the cumulative hazard at each time."""
        found = np.searchsorted(self.times, times, side="right")
        hazards = np.append(0.0, self.hazards)[found]
        return np.where(np.isnan(times) | (times > self.last), np.nan, hazards)


class Baselines:
    """The baseline of each record: by its stratum, where the model has strata."""

    def __init__(self, time: Field, stratum: Field | None, tables: list[tuple[float, Baseline]]) -> None:
        self._time = time
        self._stratum = stratum
        self._tables = tables

    def evaluate(self, context: Context) -> Floats:
        """Return the cumulative hazard of each row; NaN where its time or stratum is unknown."""
        times = context.numbers(self._time)
        if self._stratum is None:
            return self._tables[0][1].evaluate(times)
        strata = context.measures(self._stratum)
        hazards = np.full(context.size, np.nan)
        for value, table in self._tables:
            rows = strata == value
            hazards[rows] = table.evaluate(times[rows])
        return hazards


def compile_baselines(element: Element, scope: Scope) -> Baselines:
    """Compile the baseline of a Cox regression."""
    time = scope.field(element.require("endTimeVariable"), element)
    if time.type.is_text:
        raise malformed(element, f"the time {time.name!r} holds text; it must be numeric")
    tables = element.child("BaseCumHazardTables")
    if "baselineStrataVariable" not in element.attributes:
        return Baselines(time, None, [(0.0, _read_table(tables))])
    stratum = scope.field(element.require("baselineStrataVariable"), element)
    strata = [
        (stratum.constant(child, child.require("value")), _read_table(child))
        for child in tables.find_all("BaselineStratum")
    ]
    if not strata:
        raise malformed(tables, "it holds no BaselineStratum")
    return Baselines(time, stratum, strata)


def _read_table(element: Element) -> Baseline:
    cells = [(cell.number("time"), cell.number("cumHazard")) for cell in element.find_all("BaselineCell")]
    if not cells:
        raise malformed(element, "it holds no BaselineCell")
    cells.sort()
    times = np.array([time for time, _ in cells])
    return Baseline(times, np.array([hazard for _, hazard in cells]), element.number("maxTime", float(times[-1])))
