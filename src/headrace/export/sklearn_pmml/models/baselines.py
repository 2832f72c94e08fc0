"""Predictions that look at nothing: the dummy estimators, where they are not random."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.models.boosting import constant_score
from headrace.export.sklearn_pmml.scope import Column, Part, Scope, unsupported


def _export_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:  # noqa: ARG001
    if estimator.strategy in ("stratified", "uniform"):
        raise unsupported(estimator, f"strategy {estimator.strategy!r} is random")
    classes = tuple(estimator.classes_)
    if estimator.strategy == "prior":
        probabilities = estimator.class_prior_
    elif estimator.strategy == "most_frequent":
        probabilities = np.eye(len(classes))[np.argmax(estimator.class_prior_)]
    else:
        probabilities = (estimator.classes_ == np.ravel(estimator.constant)[0]).astype(float)
    node = Element("Node", {"score": classes[int(np.argmax(probabilities))]}, Element("True"))
    node.extend(
        Element("ScoreDistribution", {"value": label, "recordCount": float(share), "probability": float(share)})
        for label, share in zip(classes, probabilities, strict=True)
    )
    part = Part("TreeModel", "classification", (), (node,))
    return replace(part, classes=classes, probabilities=True)


def _export_regressor(estimator: Any, columns: list[Column], scope: Scope) -> Part:  # noqa: ARG001
    return constant_score(np.ravel(estimator.constant_)[0])


EXPORTERS = {
    "DummyClassifier": _export_classifier,
    "DummyRegressor": _export_regressor,
}
