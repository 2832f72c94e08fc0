"""The TimeSeries that a model carries. Standard: "Time Series Models", TimeSeries, PMML 4.4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.xml import Element, malformed

USAGES = frozenset({"original", "logical", "prediction"})


def reduce_series(element: Element) -> None:
    """Turn a TimeSeries' TimeValue elements into two arrays, indexes and values, in the order of the indexes."""
    parts = element.find_all("TimeValue")
    indexes = np.array([part.number("index", float(place)) for place, part in enumerate(parts, start=1)])
    values = np.array([part.number("value") for part in parts])
    order = np.argsort(indexes, kind="stable")
    element.table = {"indexes": indexes[order], "values": values[order]}
    element.children = [child for child in element.children if child.tag != "TimeValue"]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Observed values, the oldest first, and the index of the last one."""

    values: Floats
    end: float


def read_series(model: Element, target: str) -> Series:
    """Read the original series of a target; an empty one where the model carries none."""
    for element in model.find_all("TimeSeries"):
        usage = element.choice("usage", USAGES, "original")
        if usage == "original" and element.get("field", target) in ("", target):
            table = element.table or {}
            values, indexes = np.asarray(table["values"]), np.asarray(table["indexes"])
            if np.isnan(values.astype(np.float64)).any():
                raise malformed(element, "it holds a value that is not a number")
            return Series(values.astype(np.float64), float(indexes[-1]) if len(indexes) else 0.0)
    return Series(np.empty(0), 0.0)
