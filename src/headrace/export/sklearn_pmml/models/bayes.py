"""Naive Bayes.

``GaussianNB`` is a ``NaiveBayesModel`` of Gaussian distributions. The others' log-likelihood is linear in the features
(or in indicators of their values), so they are a ``RegressionModel`` with softmax, which loses nothing to products of
small numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.expressions import call, indicator
from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.models.linear import classification, regression_table
from headrace.export.sklearn_pmml.scope import Column, Part, Scope


def _export_gaussian(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    scope.forbid_missing(columns)
    fields = scope.numbers(columns)
    classes = tuple(estimator.classes_)
    inputs = []
    for index, field in enumerate(fields):
        statistics = [
            Element(
                "TargetValueStat",
                {"value": label},
                Element("GaussianDistribution", {"mean": float(mean), "variance": float(variance)}),
            )
            for label, mean, variance in zip(classes, estimator.theta_[:, index], estimator.var_[:, index], strict=True)
        ]
        inputs.append(Element("BayesInput", {"fieldName": field}, Element("TargetValueStats", None, *statistics)))
    counts = [
        Element("TargetValueCount", {"value": label, "count": float(prior)})
        for label, prior in zip(classes, estimator.class_prior_, strict=True)
    ]
    output = Element("BayesOutput", {"fieldName": scope.target_name}, Element("TargetValueCounts", None, *counts))
    content = (Element("BayesInputs", None, *inputs), output)
    return Part(
        "NaiveBayesModel", "classification", fields, content, {"threshold": 0.0}, classes=classes, probabilities=True
    )


def _export_bernoulli(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    scope.forbid_missing(columns)
    if estimator.binarize is not None:
        columns = [
            scope.derive(
                f"BernoulliNB({column.field})",
                indicator(call("greaterThan", scope.number(column), float(estimator.binarize))),
                [column],
            )
            for column in columns
        ]
    present = estimator.feature_log_prob_
    absent = np.log(1 - np.exp(present))
    return _linear(estimator, columns, scope, present - absent, estimator.class_log_prior_ + absent.sum(axis=1))


def _export_multinomial(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    return _linear(estimator, columns, scope, estimator.feature_log_prob_, estimator.class_log_prior_)


def _export_complement(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    only_one = len(estimator.classes_) == 1
    intercepts = estimator.class_log_prior_ if only_one else np.zeros(len(estimator.classes_))
    return _linear(estimator, columns, scope, estimator.feature_log_prob_, intercepts)


def _export_categorical(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    scope.forbid_missing(columns)
    indicators, coefficients = [], []
    for column, table in zip(columns, estimator.feature_log_prob_, strict=True):
        field = scope.number(column)
        for value, logarithms in enumerate(table.T):
            condition = call("equal", field, float(value))
            indicators.append(scope.derive(f"CategoricalNB({field}={value})", indicator(condition), [column]))
            coefficients.append(logarithms)
    return _linear(estimator, indicators, scope, np.array(coefficients).T, estimator.class_log_prior_)


def _linear(estimator: Any, columns: list[Column], scope: Scope, coefficients: Any, intercepts: Any) -> Part:
    scope.forbid_missing(columns)
    fields = scope.numbers(columns)
    classes = tuple(estimator.classes_)
    tables = [regression_table(fields, *line) for line in zip(coefficients, intercepts, classes, strict=True)]
    return classification(fields, classes, tables, method="softmax")


EXPORTERS = {
    "BernoulliNB": _export_bernoulli,
    "CategoricalNB": _export_categorical,
    "ComplementNB": _export_complement,
    "GaussianNB": _export_gaussian,
    "MultinomialNB": _export_multinomial,
}
