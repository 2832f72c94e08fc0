"""Pipelines and unions of columns."""

from __future__ import annotations

from typing import Any

from headrace.export.sklearn_pmml.expressions import call
from headrace.export.sklearn_pmml.scope import Column, Part, Scope


def _export_pipeline(pipeline: Any, columns: list[Column], scope: Scope) -> Part:
    for _, step in pipeline.steps[:-1]:
        columns = scope.transform(step, columns)
    return scope.model(pipeline.steps[-1][1], columns)


def _follow_pipeline(pipeline: Any, columns: list[Column], scope: Scope) -> list[Column]:
    for _, step in pipeline.steps:
        columns = scope.transform(step, columns)
    return columns


def _follow_column_transformer(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    indices = step._transformer_to_input_indices  # noqa: SLF001  public attributes give names, masks, slices or indices
    weights = step.transformer_weights or {}
    joined: list[Column] = []
    for name, transformer, _ in step.transformers_:
        chosen = [columns[index] for index in indices[name]]
        if chosen and not (isinstance(transformer, str) and transformer == "drop"):
            joined += _weigh(scope.transform(transformer, chosen), weights.get(name), scope)
    return joined


def _follow_union(step: Any, columns: list[Column], scope: Scope) -> list[Column]:
    weights = step.transformer_weights or {}
    joined: list[Column] = []
    for name, transformer in step.transformer_list:
        if not (isinstance(transformer, str) and transformer == "drop"):
            joined += _weigh(scope.transform(transformer, columns), weights.get(name), scope)
    return joined


def _weigh(columns: list[Column], weight: float | None, scope: Scope) -> list[Column]:
    if weight is None:
        return columns
    return [
        scope.derive(f"{column.field} weighted", call("*", scope.number(column), float(weight)), [column])
        for column in columns
    ]


MODELS = {"Pipeline": _export_pipeline}
TRANSFORMERS = {
    "ColumnTransformer": _follow_column_transformer,
    "FeatureUnion": _follow_union,
    "Pipeline": _follow_pipeline,
}
