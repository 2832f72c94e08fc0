"""Activation functions and normalizations of a layer. Standard: "Neural Network Models", PMML 4.4.

Each activation is a function of the neurons' inputs Z and the layer's threshold; NaN stays NaN. Only radialBasis is not
here: its Z is a distance, not a sum (see ``layers``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating[Any]]
Activation = Callable[[Values, float], Values]

RADIAL = "radialBasis"


def _step(z: Values, threshold: float) -> Values:
    return np.where(np.isnan(z), z, (z > threshold).astype(z.dtype))


ACTIVATIONS: dict[str, Activation] = {
    "threshold": _step,
    "logistic": lambda z, _: 1.0 / (1.0 + np.exp(-z)),
    "tanh": lambda z, _: np.tanh(z),
    "identity": lambda z, _: z,
    "exponential": lambda z, _: np.exp(z),
    "reciprocal": lambda z, _: 1.0 / z,
    "square": lambda z, _: z * z,
    "Gauss": lambda z, _: np.exp(-(z * z)),
    "sine": lambda z, _: np.sin(z),
    "cosine": lambda z, _: np.cos(z),
    "Elliott": lambda z, _: z / (1.0 + np.abs(z)),
    "arctan": lambda z, _: 2.0 * np.arctan(z) / np.pi,
    "rectifier": lambda z, _: np.maximum(z, 0.0),
}


def softmax(values: Values) -> Values:
    """Return the exponentials of each row's values divided by their sum."""
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    shares: Values = powers / powers.sum(axis=1, keepdims=True)
    return shares


def simplemax(values: Values) -> Values:
    """Return each row's values divided by their sum."""
    shares: Values = values / values.sum(axis=1, keepdims=True)
    return shares


NORMALIZATIONS: dict[str, Callable[[Values], Values]] = {
    "none": lambda values: values,
    "softmax": softmax,
    "simplemax": simplemax,
}
