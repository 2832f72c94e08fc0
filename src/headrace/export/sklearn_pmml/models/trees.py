"""Decision trees: ``TreeModel``.

Decisions are scikit-learn's for every double (see ``thresholds``). A missing value goes where the tree sends it, by
``defaultChild``. A leaf of a classifier carries the class counts of its training rows where these give the tree's
probabilities to the last digit, else (weighted rows) the probabilities too; classes that a leaf never saw are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.export.sklearn_pmml.markup import Element, literal
from headrace.export.sklearn_pmml.scope import Column, Part, Scope, accepts_missing, unsupported
from headrace.export.sklearn_pmml.thresholds import widen_thresholds

Floats = npt.NDArray[np.float64]
Leaf = Callable[[int, Element], None]
_LARGEST = np.finfo(np.float64).max


def regression_tree(tree: Any, fields: Sequence[str], scores: Floats, *, missing: bool) -> Part:
    """Make a tree that gives ``scores[node]`` at its leaves."""

    def fill(node: int, element: Element) -> None:
        element.attributes["score"] = repr(float(scores[node]))

    return _tree_model(tree, fields, "regression", fill, missing=missing)


def classification_tree(tree: Any, fields: Sequence[str], classes: Sequence[object], *, missing: bool) -> Part:
    """Make a tree that gives the classes' probabilities and the most probable class at its leaves."""
    probabilities: Floats = tree.value[:, 0, : len(classes)]
    counts = np.rint(probabilities * tree.weighted_n_node_samples[:, np.newaxis])
    are_exact = np.array_equal(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), probabilities)
    if not are_exact:
        counts = probabilities * tree.weighted_n_node_samples[:, np.newaxis]

    def fill(node: int, element: Element) -> None:
        element.attributes["score"] = labels[int(np.argmax(probabilities[node]))]
        for label, count, probability in zip(labels, counts[node], probabilities[node], strict=True):
            if probability > 0:
                record = {"value": label, "recordCount": int(count) if are_exact else float(count)}
                element.children.append(
                    Element("ScoreDistribution", record | {"probability": None if are_exact else float(probability)})
                )

    labels = [literal(label) for label in classes]
    return _tree_model(tree, fields, "classification", fill, missing=missing)


def _tree_model(tree: Any, fields: Sequence[str], function: str, fill: Leaf, *, missing: bool) -> Part:
    root = Element("Node", None, Element("True"))
    nodes = {0: root}
    used: set[int] = set()
    # Capped since a split between missing and present values has an infinite threshold.
    thresholds = np.minimum(widen_thresholds(tree.threshold), _LARGEST)
    for node in range(tree.node_count):  # parents come before their children
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        element = nodes.pop(node)
        if missing:
            element.attributes["id"] = str(node)
        if left == right:
            fill(node, element)
            continue
        feature = int(tree.feature[node])
        used.add(feature)
        nodes[left] = _child(fields[feature], "lessOrEqual", thresholds[node])
        nodes[right] = _child(fields[feature], "greaterThan", thresholds[node])
        element.children += [nodes[left], nodes[right]]
        if missing:
            element.attributes["defaultChild"] = str(left if tree.missing_go_to_left[node] else right)
    inputs = tuple(fields[feature] for feature in sorted(used))
    attributes = {"splitCharacteristic": "binarySplit", "missingValueStrategy": "defaultChild" if missing else None}
    return Part("TreeModel", function, inputs, (root,), attributes)


def _child(field: str, operator: str, threshold: float) -> Element:
    predicate = {"field": field, "operator": operator, "value": float(threshold)}
    return Element("Node", None, Element("SimplePredicate", predicate))


def claim_columns(estimator: Any, columns: list[Column], scope: Scope) -> tuple[tuple[str, ...], bool]:
    """Claim a tree's columns as numbers; also tell whether they may be missing."""
    missing = accepts_missing(estimator)
    if not missing:
        scope.forbid_missing(columns)
    if estimator.n_outputs_ > 1:
        raise unsupported(estimator, "it has several targets; train one model a target")
    return scope.numbers(columns), missing


def _export_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    fields, missing = claim_columns(estimator, columns, scope)
    classes = tuple(estimator.classes_)
    part = classification_tree(estimator.tree_, fields, classes, missing=missing)
    return replace(part, classes=classes, probabilities=True)


def _export_regressor(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    fields, missing = claim_columns(estimator, columns, scope)
    return regression_tree(estimator.tree_, fields, estimator.tree_.value[:, 0, 0], missing=missing)


EXPORTERS = {
    "DecisionTreeClassifier": _export_classifier,
    "DecisionTreeRegressor": _export_regressor,
    "ExtraTreeClassifier": _export_classifier,
    "ExtraTreeRegressor": _export_regressor,
}
