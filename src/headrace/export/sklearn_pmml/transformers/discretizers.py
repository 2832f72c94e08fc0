"""Numbers to bins."""

from __future__ import annotations

from typing import Any

from headrace.export.sklearn_pmml.expressions import call, indicator
from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.scope import Column, Scope


def _export_binarizer(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    scope.forbid_missing(columns)
    return [
        scope.derive(
            f"Binarizer({column.field})",
            indicator(call("greaterThan", scope.number(column), float(step.threshold))),
            [column],
        )
        for column in columns
    ]


def _export_bins(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    scope.forbid_missing(columns)
    binned = []
    for column, edges in zip(columns, step.bin_edges_, strict=True):
        field = scope.number(column)
        inner = [float(edge) for edge in edges[1:-1]]
        bins = [
            _bin(number, lower, upper)
            for number, (lower, upper) in enumerate(zip([None, *inner], [*inner, None], strict=True))
        ]
        attributes = {"field": field, "dataType": "double"}
        ordinal = scope.derive(f"KBinsDiscretizer({field})", Element("Discretize", attributes, *bins), [column])
        if step.encode == "ordinal":
            binned.append(ordinal)
            continue
        binned += [
            scope.derive(
                f"KBinsDiscretizer({field}={number})", indicator(call("equal", ordinal.field, float(number))), [column]
            )
            for number in range(len(bins))
        ]
    return binned


def _bin(number: int, lower: float | None, upper: float | None) -> Element:
    # A value on an edge belongs to the bin above it.
    closure = "openOpen" if lower is None else "closedOpen"
    interval = Element("Interval", {"closure": closure, "leftMargin": lower, "rightMargin": upper})
    return Element("DiscretizeBin", {"binValue": float(number)}, interval)


EXPORTERS = {
    "Binarizer": _export_binarizer,
    "KBinsDiscretizer": _export_bins,
}
