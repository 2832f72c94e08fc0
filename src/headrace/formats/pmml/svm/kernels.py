"""Kernels: how alike a record's vector and a support vector are.

A kernel takes records (rows, fields) and vectors (vectors, fields) and returns (rows, vectors). Squared distances are
summed from differences: the shorter way over products loses the digits of what is near.

Standard: "Support Vector Machine", kernel types, PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headrace.formats.pmml.svm.vectors import Values
from headrace.formats.pmml.xml import Element, malformed

Kernel = Callable[[Values, Values], Values]
_CELLS = 1 << 16
"""Differences held at a time: they stay in the processor's cache."""


def square_distances(records: Values, vectors: Values) -> Values:
    """Return the squared Euclidean distance of each record from each vector."""
    distances = np.empty((len(records), len(vectors)), dtype=records.dtype)
    step = max(1, _CELLS // max(1, vectors.size))
    for start in range(0, len(records), step):
        differences = records[start : start + step, None, :] - vectors
        np.einsum("ijk,ijk->ij", differences, differences, out=distances[start : start + step])
    return distances


def _linear(_: Element) -> Kernel:
    return lambda records, vectors: records @ vectors.T


def _polynomial(element: Element) -> Kernel:
    gamma, shift = element.number("gamma", 1.0), element.number("coef0", 1.0)
    degree = element.number("degree", 1.0)
    return lambda records, vectors: (gamma * (records @ vectors.T) + shift) ** degree


def _radial(element: Element) -> Kernel:
    gamma = element.number("gamma", 1.0)
    return lambda records, vectors: np.exp(-gamma * square_distances(records, vectors))


def _sigmoid(element: Element) -> Kernel:
    gamma, shift = element.number("gamma", 1.0), element.number("coef0", 1.0)
    return lambda records, vectors: np.tanh(gamma * (records @ vectors.T) + shift)


KERNELS: dict[str, Callable[[Element], Kernel]] = {
    "LinearKernelType": _linear,
    "PolynomialKernelType": _polynomial,
    "RadialBasisKernelType": _radial,
    "SigmoidKernelType": _sigmoid,
}


def compile_kernel(model: Element) -> Kernel:
    """Compile the kernel of a model."""
    for child in model.children:
        if child.tag in KERNELS:
            return KERNELS[child.tag](child)
    raise malformed(model, f"it holds no kernel; those are {', '.join(sorted(KERNELS))}")
