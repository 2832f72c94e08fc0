"""Gradient boosting and AdaBoost: sums of trees, in scikit-learn's own order, then a link.

A sum starts with the initial value as a segment of its own, since adding it last would round otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.models.linear import binary_tables, classification, regression_table
from headrace.export.sklearn_pmml.models.trees import claim_columns, regression_tree
from headrace.export.sklearn_pmml.scope import Column, Part, Scope, unsupported
from headrace.export.sklearn_pmml.segments import chain, combine


def constant_score(score: float) -> Part:
    """Make a tree of one leaf."""
    node = Element("Node", {"score": float(score)}, Element("True"))
    return Part("TreeModel", "regression", (), (node,))


def link_scores(scores: Sequence[Part], classes: Sequence[object], target_name: str, factor: float = 1.0) -> Part:
    """Turn one score (two classes, logistic) or a score a class (softmax) into probabilities."""
    if len(scores) == 1:
        names = ["score"]
        tables = binary_tables(names, [factor], 0.0, classes)
    else:
        names = [f"score({label})" for label in classes]
        tables = [regression_table([name], [factor], 0.0, label) for name, label in zip(names, classes, strict=True)]
    return chain(dict(zip(names, scores, strict=True)), classification(tuple(names), classes, tables), target_name)


def apply_exponential(score: Part, target_name: str) -> Part:
    """Undo a logarithmic link."""
    table = regression_table(["score"], [1.0], 0.0)
    last = Part("RegressionModel", "regression", ("score",), (table,), {"normalizationMethod": "exp"})
    return chain({"score": score}, last, target_name)


def _export_gradient_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    # The exponential loss models half the log-odds.
    factor = 2.0 if estimator.loss == "exponential" else 1.0
    return link_scores(
        _gradient_scores(estimator, columns, scope), tuple(estimator.classes_), scope.target_name, factor
    )


def _export_gradient_regressor(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    return _gradient_scores(estimator, columns, scope)[0]


def _gradient_scores(estimator: Any, columns: list[Column], scope: Scope) -> list[Part]:
    if estimator.init_ != "zero" and not type(estimator.init_).__name__.startswith("Dummy"):
        raise unsupported(estimator, f"it starts from {type(estimator.init_).__name__}; leave init as None or 'zero'")
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))[0]  # noqa: SLF001
    fields, missing = claim_columns(estimator.estimators_[0, 0], columns, scope)
    scores = []
    for first, stages in zip(start, estimator.estimators_.T, strict=True):
        trees = [stage.tree_ for stage in stages]
        parts = [
            regression_tree(tree, fields, estimator.learning_rate * tree.value[:, 0, 0], missing=missing)
            for tree in trees
        ]
        scores.append(combine("sum", [constant_score(first), *parts]))
    return scores


def _export_ada_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    first = _tree_of(estimator)
    fields, missing = claim_columns(first, columns, scope)
    count = len(estimator.classes_)
    total = estimator.estimator_weights_.sum()
    scores = []
    for index in [1] if count == 2 else range(count):
        parts = []
        for member, weight in zip(estimator.estimators_, estimator.estimator_weights_, strict=False):
            wins = member.tree_.value[:, 0, :].argmax(axis=1) == index
            votes = np.where(wins, weight, -1 / (count - 1) * weight)
            parts.append(regression_tree(member.tree_, fields, votes, missing=missing))
        scores.append(combine("sum", parts))
    classes = tuple(estimator.classes_)
    if count > 2:
        return link_scores(scores, classes, scope.target_name, 1 / (total * (count - 1)))
    tables = [
        regression_table(["score"], [sign / total], 0.0, label) for sign, label in zip((-1, 1), classes, strict=True)
    ]
    return chain({"score": scores[0]}, classification(("score",), classes, tables, method="softmax"), scope.target_name)


def _export_ada_regressor(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    first = _tree_of(estimator)
    fields, missing = claim_columns(first, columns, scope)
    trees = [member.tree_ for member in estimator.estimators_]
    parts = [regression_tree(tree, fields, tree.value[:, 0, 0], missing=missing) for tree in trees]
    return combine("weightedMedian", parts, weights=estimator.estimator_weights_[: len(parts)].tolist())


def _tree_of(estimator: Any) -> Any:
    first = estimator.estimators_[0]
    if not hasattr(first, "tree_"):
        raise unsupported(estimator, f"its members are {type(first).__name__}; it can be written with decision trees")
    return first


EXPORTERS = {
    "AdaBoostClassifier": _export_ada_classifier,
    "AdaBoostRegressor": _export_ada_regressor,
    "GradientBoostingClassifier": _export_gradient_classifier,
    "GradientBoostingRegressor": _export_gradient_regressor,
}
