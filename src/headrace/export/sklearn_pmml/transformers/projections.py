"""Linear projections of all columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.expressions import call
from headrace.export.sklearn_pmml.scope import Column, Scope


def _export_pca(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    offsets = step.mean_ @ step.components_.T
    scales = np.sqrt(step.explained_variance_) if step.whiten else None
    return _project("PCA", step.components_, offsets, scales, columns, scope)


def _export_svd(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    return _project("TruncatedSVD", step.components_, None, None, columns, scope)


def _project(
    name: str, components: Any, offsets: Any, scales: Any, columns: list[Column], scope: Scope
) -> list[Column]:
    scope.forbid_missing(columns)
    fields = scope.numbers(columns)
    projected = []
    for index, component in enumerate(components):
        terms = [call("*", field, float(weight)) for field, weight in zip(fields, component, strict=True)]
        value = call("sum", *terms)
        if offsets is not None:
            value = call("-", value, float(offsets[index]))
        if scales is not None:
            value = call("/", value, float(scales[index]))
        projected.append(scope.derive(f"{name}({index + 1})", value, columns))
    return projected


EXPORTERS = {
    "PCA": _export_pca,
    "TruncatedSVD": _export_svd,
}
