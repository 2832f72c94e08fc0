"""Scalers: the arithmetic of each in scikit-learn's own order, so that the results are the same doubles."""

from __future__ import annotations

from typing import Any

from headrace.export.sklearn_pmml.expressions import call
from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.scope import Column, Scope

_Argument = Element | str


def _export_standard(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    centres = step.mean_ if step.with_mean else None
    return _shift_and_divide("StandardScaler", columns, scope, centres, step.scale_ if step.with_std else None)


def _export_robust(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    centres = step.center_ if step.with_centering else None
    return _shift_and_divide("RobustScaler", columns, scope, centres, step.scale_ if step.with_scaling else None)


def _shift_and_divide(name: str, columns: list[Column], scope: Scope, centres: Any, scales: Any) -> list[Column]:
    scaled = []
    for index, column in enumerate(columns):
        value: _Argument = scope.number(column)
        if centres is not None:
            value = call("-", value, float(centres[index]))
        if scales is not None:
            value = call("/", value, float(scales[index]))
        scaled.append(_derive(name, column, value, scope))
    return scaled


def _export_min_max(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    scaled = []
    for column, scale, shift in zip(columns, step.scale_, step.min_, strict=True):
        value = call("+", call("*", scope.number(column), float(scale)), float(shift))
        if step.clip:
            value = _clip(column, value, *step.feature_range)
        scaled.append(_derive("MinMaxScaler", column, value, scope))
    return scaled


def _export_max_abs(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    scaled = []
    for column, scale in zip(columns, step.scale_, strict=True):
        value = call("/", scope.number(column), float(scale))
        if getattr(step, "clip", False):
            value = _clip(column, value, -1.0, 1.0)
        scaled.append(_derive("MaxAbsScaler", column, value, scope))
    return scaled


def _clip(column: Column, value: Element, lower: float, upper: float) -> Element:
    # min and max pass over missing values, where scikit-learn keeps NaN.
    bounded = call("min", call("max", value, float(lower)), float(upper))
    return call("if", call("isNotMissing", column.field), bounded)


def _derive(name: str, column: Column, value: _Argument, scope: Scope) -> Column:
    if isinstance(value, str):  # nothing to do
        return column
    return scope.derive(f"{name}({column.field})", value, [column])


EXPORTERS = {
    "MaxAbsScaler": _export_max_abs,
    "MinMaxScaler": _export_min_max,
    "RobustScaler": _export_robust,
    "StandardScaler": _export_standard,
}
