"""Selections of columns: what is kept is passed on as it is."""

from __future__ import annotations

from typing import Any

from headrace.export.sklearn_pmml.scope import Column, Scope

_SELECTORS = (
    "GenericUnivariateSelect",
    "RFE",
    "RFECV",
    "SelectFdr",
    "SelectFpr",
    "SelectFromModel",
    "SelectFwe",
    "SelectKBest",
    "SelectPercentile",
    "SequentialFeatureSelector",
    "VarianceThreshold",
)


def _select(step: Any, columns: list[Column], scope: Scope) -> list[Column]:  # noqa: ARG001
    return [columns[index] for index in step.get_support(indices=True)]


EXPORTERS = dict.fromkeys(_SELECTORS, _select)
