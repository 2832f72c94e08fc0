"""Imputers: a missing value becomes what scikit-learn learnt."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.expressions import call, constant, indicator
from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.scope import Column, Scope


def _export_simple(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    filled = []
    for column, statistic in zip(columns, step.statistics_, strict=True):
        if _is_missing(statistic):  # a column that was empty in training is dropped
            continue
        value = statistic if isinstance(statistic, str) else float(statistic)
        expression = call("if", _missing(step, column, scope), constant(value), column.field)
        filled.append(
            scope.derive(f"SimpleImputer({column.field})", expression, [], raw=column.raw, text=isinstance(value, str))
        )
    return filled + (_export_indicator(step.indicator_, columns, scope) if step.add_indicator else [])


def _export_indicator(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    return [
        scope.derive(f"MissingIndicator({columns[index].field})", indicator(_missing(step, columns[index], scope)), [])
        for index in step.features_
    ]


def _missing(step: Any, column: Column, scope: Scope) -> Element:
    if _is_missing(step.missing_values):
        return call("isMissing", column.field)
    scope.forbid_missing([column])  # scikit-learn refuses NaN where it looks for another value
    value = step.missing_values
    return call("equal", column.field, constant(value if isinstance(value, str) else float(value)))


def _is_missing(value: object) -> bool:
    return value is None or bool(isinstance(value, float | np.floating) and np.isnan(value)) or str(value) == "<NA>"


EXPORTERS = {
    "MissingIndicator": _export_indicator,
    "SimpleImputer": _export_simple,
}
