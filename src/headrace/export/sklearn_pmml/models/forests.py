"""Random forests and extremely randomised trees: a mean of trees, taken in scikit-learn's own order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headrace.export.sklearn_pmml.models.trees import claim_columns, classification_tree, regression_tree
from headrace.export.sklearn_pmml.scope import Column, Part, Scope
from headrace.export.sklearn_pmml.segments import combine


def _export_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    fields, missing = claim_columns(estimator.estimators_[0], columns, scope)
    classes = tuple(estimator.classes_)
    trees = [classification_tree(tree.tree_, fields, classes, missing=missing) for tree in estimator.estimators_]
    return replace(combine("average", trees), classes=classes, probabilities=True)


def _export_regressor(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    fields, missing = claim_columns(estimator.estimators_[0], columns, scope)
    trees = [tree.tree_ for tree in estimator.estimators_]
    return combine("average", [regression_tree(tree, fields, tree.value[:, 0, 0], missing=missing) for tree in trees])


EXPORTERS = {
    "ExtraTreesClassifier": _export_classifier,
    "ExtraTreesRegressor": _export_regressor,
    "RandomForestClassifier": _export_classifier,
    "RandomForestRegressor": _export_regressor,
}
