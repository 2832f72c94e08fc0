"""Linear models: ``RegressionModel``.

A sum of products is taken in the order of the features; scikit-learn leaves the order to its linear algebra library,
so the last digit may differ. A classifier without probabilities is written with a normalisation that keeps the order
of its scores, so that the same class wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.scope import Column, Part, Scope, unsupported
from headrace.export.sklearn_pmml.segments import chain

_IDENTITY = (
    "ARDRegression",
    "BayesianRidge",
    "ElasticNet",
    "ElasticNetCV",
    "HuberRegressor",
    "Lars",
    "LarsCV",
    "Lasso",
    "LassoCV",
    "LassoLars",
    "LassoLarsCV",
    "LassoLarsIC",
    "LinearRegression",
    "LinearSVR",
    "OrthogonalMatchingPursuit",
    "OrthogonalMatchingPursuitCV",
    "PassiveAggressiveRegressor",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
    "TheilSenRegressor",
)
_LOG_LINK = ("GammaRegressor", "PoissonRegressor")
_PROBABILITIES = ("LogisticRegression", "LogisticRegressionCV")
_SCORES_ONLY = ("LinearSVC", "PassiveAggressiveClassifier", "Perceptron", "RidgeClassifier", "RidgeClassifierCV")


def regression_table(
    fields: Iterable[str], coefficients: Iterable[float], intercept: float, category: object = None
) -> Element:
    """Write a linear equation; terms of weight zero are left out."""
    terms = [
        Element("NumericPredictor", {"name": field, "coefficient": float(coefficient)})
        for field, coefficient in zip(fields, coefficients, strict=True)
        if coefficient != 0
    ]
    return Element("RegressionTable", {"intercept": float(intercept), "targetCategory": category}).extend(terms)


def classification(
    inputs: tuple[str, ...],
    classes: Sequence[object],
    tables: Sequence[Element],
    *,
    method: str = "",
    probabilities: bool = True,
) -> Part:
    """Make a classifier of one score a class (softmax), or of one score for the second of two (logistic)."""
    normalisation = method or ("logit" if len(classes) == 2 else "softmax")
    return Part(
        "RegressionModel",
        "classification",
        inputs,
        tuple(tables),
        {"normalizationMethod": normalisation},
        classes=tuple(classes),
        probabilities=probabilities,
    )


def binary_tables(
    fields: Sequence[str], coefficients: Any, intercept: float, classes: Sequence[object]
) -> list[Element]:
    """Write the equation of the second class, then the first class, which has what is left of 1."""
    return [
        regression_table(fields, coefficients, intercept, classes[1]),
        regression_table((), (), 0.0, classes[0]),
    ]


def _export_regressor(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    coefficients = _single_target(estimator, estimator.coef_)
    scope.forbid_missing(columns)
    fields = scope.numbers(columns)
    intercept = np.ravel(estimator.intercept_)[0]
    method = "exp" if type(estimator).__name__ in _LOG_LINK else None
    table = regression_table(fields, coefficients, intercept)
    return Part("RegressionModel", "regression", fields, (table,), {"normalizationMethod": method})


def _export_tweedie(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    part = _export_regressor(estimator, columns, scope)
    has_log_link = estimator.link == "log" or (estimator.link == "auto" and estimator.power > 0)
    attributes = {"normalizationMethod": "exp" if has_log_link else None}
    return Part(part.tag, part.function, part.inputs, part.content, attributes)


def _export_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    scope.forbid_missing(columns)
    fields = scope.numbers(columns)
    classes = list(estimator.classes_)
    coefficients = np.atleast_2d(estimator.coef_)
    intercepts = np.broadcast_to(np.ravel(estimator.intercept_), len(coefficients))
    if len(coefficients) == 1:
        tables = binary_tables(fields, coefficients[0], intercepts[0], classes)
    else:
        tables = [regression_table(fields, *line) for line in zip(coefficients, intercepts, classes, strict=True)]
    return classification(fields, classes, tables, probabilities=type(estimator).__name__ in _PROBABILITIES)


def _export_sgd_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    part = _export_classifier(estimator, columns, scope)
    if estimator.loss != "log_loss":  # PMML has no link for modified_huber's probabilities: the class alone
        return part
    if len(part.classes) == 2:
        return replace(part, probabilities=True)
    # One against the rest: a logistic regression a class, then each probability's share of their sum.
    names = tuple(f"score({label})" for label in part.classes)
    attributes = {"normalizationMethod": "logit"}
    steps = [
        Part("RegressionModel", "regression", part.inputs, (regression_table(part.inputs, *line),), attributes)
        for line in zip(estimator.coef_, estimator.intercept_, strict=True)
    ]
    tables = [regression_table([name], [1.0], 0.0, label) for name, label in zip(names, part.classes, strict=True)]
    last = classification(names, part.classes, tables, method="simplemax")
    return chain(dict(zip(names, steps, strict=True)), last, scope.target_name)


def _single_target(estimator: Any, coefficients: Any) -> Any:
    if np.ndim(coefficients) > 1 and np.shape(coefficients)[0] > 1:
        raise unsupported(estimator, "it has several targets; train one model a target")
    return np.ravel(coefficients)


EXPORTERS = {
    **dict.fromkeys((*_IDENTITY, *_LOG_LINK), _export_regressor),
    **dict.fromkeys((*_PROBABILITIES, *_SCORES_ONLY), _export_classifier),
    "SGDClassifier": _export_sgd_classifier,
    "TweedieRegressor": _export_tweedie,
}
