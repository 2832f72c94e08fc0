"""Support vector machines with a kernel: ``SupportVectorMachineModel``.

A classifier is written one against one and gives its class; the probabilities that scikit-learn can add by a second
model of its own (``probability=True``) are not written. PMML's machine picks its target category below the threshold,
libsvm's above it, so a classifier's signs are turned.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from headrace.export.sklearn_pmml.expressions import reference
from headrace.export.sklearn_pmml.markup import Element, literal
from headrace.export.sklearn_pmml.scope import Column, Part, Scope, unsupported


def _export_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    if estimator.break_ties and len(estimator.classes_) > 2:
        raise unsupported(estimator, "PMML has no break_ties; train it with break_ties=False")
    classes = tuple(estimator.classes_)
    starts = np.concatenate([[0], np.cumsum(estimator.n_support_)])
    # The private attributes keep libsvm's signs, which the public ones turn for two classes.
    weights, intercepts = estimator._dual_coef_, estimator._intercept_
    machines = []
    for pair, (one, other) in enumerate(combinations(range(len(classes)), 2)):
        used = [*range(starts[one], starts[one + 1]), *range(starts[other], starts[other + 1])]
        coefficients = np.concatenate(
            [weights[other - 1, starts[one] : starts[one + 1]], weights[one, starts[other] : starts[other + 1]]]
        )
        labels = {"targetCategory": classes[one], "alternateTargetCategory": classes[other]}
        machines.append(_machine(used, -coefficients, -intercepts[pair], labels))
    part = _model(estimator, columns, scope, machines, {"classificationMethod": "OneAgainstOne"})
    return Part(part.tag, "classification", part.inputs, part.content, part.attributes, classes=classes)


def _export_regressor(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    coefficients = estimator.dual_coef_[0]
    machine = _machine(range(len(coefficients)), coefficients, estimator.intercept_[0], {})
    return _model(estimator, columns, scope, [machine], {})


def _machine(used: Any, coefficients: Any, intercept: float, labels: dict[str, object]) -> Element:
    vectors = Element("SupportVectors").extend(Element("SupportVector", {"vectorId": index}) for index in used)
    weights = Element("Coefficients", {"absoluteValue": float(intercept)}).extend(
        Element("Coefficient", {"value": float(value)}) for value in coefficients
    )
    return Element("SupportVectorMachine", labels, vectors, weights)


def _model(
    estimator: Any, columns: list[Column], scope: Scope, machines: list[Element], attributes: dict[str, object]
) -> Part:
    scope.forbid_missing(columns)
    fields = scope.numbers(columns)
    vectors = np.asarray(estimator.support_vectors_)
    instances = [
        Element(
            "VectorInstance",
            {"id": index},
            Element("Array", {"type": "real", "n": len(vector)}, text=" ".join(map(literal, vector))),
        )
        for index, vector in enumerate(vectors)
    ]
    names = Element("VectorFields").extend(reference(field) for field in fields)
    dictionary = Element("VectorDictionary", {"numberOfVectors": len(instances)}, names, *instances)
    content = (_kernel(estimator), dictionary, *machines)
    return Part("SupportVectorMachineModel", "regression", fields, content, attributes)


def _kernel(estimator: Any) -> Element:
    gamma = float(estimator._gamma)  # noqa: SLF001  the public parameter may be "scale"
    if estimator.kernel == "linear":
        return Element("LinearKernelType")
    if estimator.kernel == "rbf":
        return Element("RadialBasisKernelType", {"gamma": gamma})
    if estimator.kernel == "poly":
        return Element(
            "PolynomialKernelType", {"gamma": gamma, "coef0": float(estimator.coef0), "degree": float(estimator.degree)}
        )
    if estimator.kernel == "sigmoid":
        return Element("SigmoidKernelType", {"gamma": gamma, "coef0": float(estimator.coef0)})
    raise unsupported(estimator, f"kernel {estimator.kernel!r}; what can be: linear, poly, rbf, sigmoid")


EXPORTERS = {
    "NuSVC": _export_classifier,
    "NuSVR": _export_regressor,
    "SVC": _export_classifier,
    "SVR": _export_regressor,
}
