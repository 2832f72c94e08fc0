"""Histogram-based gradient boosting: trees that decide in doubles, on categories too."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.models.boosting import apply_exponential, constant_score, link_scores
from headrace.export.sklearn_pmml.scope import Column, Part, Scope
from headrace.export.sklearn_pmml.segments import combine

_LARGEST = np.finfo(np.float64).max
_LOG_LINKS = ("gamma", "poisson")


def _export_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    return link_scores(_scores(estimator, columns, scope), tuple(estimator.classes_), scope.target_name)


def _export_regressor(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    (score,) = _scores(estimator, columns, scope)
    return apply_exponential(score, scope.target_name) if estimator.loss in _LOG_LINKS else score


def _scores(estimator: Any, columns: list[Column], scope: Scope) -> list[Part]:
    fields = scope.numbers(_encode(estimator, columns, scope))
    scores = []
    for index, first in enumerate(np.ravel(estimator._baseline_prediction)):  # noqa: SLF001  not public at all
        trees = [_tree(stage[index], fields) for stage in estimator._predictors]  # noqa: SLF001
        scores.append(combine("sum", [constant_score(first), *trees]))
    return scores


def _encode(estimator: Any, columns: list[Column], scope: Scope) -> list[Column]:
    """Follow the columns through the estimator's own encoder, which puts categories first."""
    if estimator.is_categorical_ is None:
        return columns
    encoder = estimator._preprocessor.named_transformers_["encoder"]  # noqa: SLF001
    flagged = list(zip(columns, estimator.is_categorical_, strict=True))
    categories = scope.transform(encoder, [column for column, is_category in flagged if is_category])
    return categories + [column for column, is_category in flagged if not is_category]


def _tree(predictor: Any, fields: tuple[str, ...]) -> Part:
    nodes = predictor.nodes
    elements = [Element("Node", {"id": index}) for index in range(len(nodes))]
    elements[0].children.append(Element("True"))
    used: set[int] = set()
    for element, node in zip(elements, nodes, strict=True):
        if node["is_leaf"]:
            element.attributes["score"] = repr(float(node["value"]))
            continue
        used.add(int(node["feature_idx"]))
        children = [elements[node["left"]], elements[node["right"]]]
        field = fields[node["feature_idx"]]
        for child, predicate in zip(children, _predicates(node, field, predictor.raw_left_cat_bitsets), strict=True):
            child.children.insert(0, predicate)
        element.children += children
        element.attributes["defaultChild"] = str(node["left"] if node["missing_go_to_left"] else node["right"])
    attributes = {"splitCharacteristic": "binarySplit", "missingValueStrategy": "defaultChild"}
    return Part("TreeModel", "regression", tuple(fields[index] for index in sorted(used)), (elements[0],), attributes)


def _predicates(node: Any, field: str, bitsets: Any) -> tuple[Element, Element]:
    if not node["is_categorical"]:
        threshold = min(float(node["num_threshold"]), _LARGEST)  # infinite where missing values part from all others
        return tuple(  # type: ignore[return-value]
            Element("SimplePredicate", {"field": field, "operator": operator, "value": threshold})
            for operator in ("lessOrEqual", "greaterThan")
        )
    words = bitsets[node["bitset_idx"]]
    left = [float(code) for code in range(256) if words[code // 32] >> (code % 32) & 1]
    return tuple(  # type: ignore[return-value]
        Element(
            "SimpleSetPredicate",
            {"field": field, "booleanOperator": operator},
            Element("Array", {"type": "real", "n": len(left)}, text=" ".join(map(repr, left))),
        )
        for operator in ("isIn", "isNotIn")
    )


EXPORTERS = {
    "HistGradientBoostingClassifier": _export_classifier,
    "HistGradientBoostingRegressor": _export_regressor,
}
