"""Continuous distributions: the logarithm of the density at each value.

Standard: "Statistics", CONTINUOUS-DISTRIBUTION-TYPES, PMML 4.4: GaussianDistribution, PoissonDistribution and
UniformDistribution. An AnyDistribution says only mean and variance, so it has no density.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.xml import Element, malformed, unsupported

Density = Callable[[Floats], Floats]
DISTRIBUTIONS = ("GaussianDistribution", "PoissonDistribution", "UniformDistribution", "AnyDistribution")


def find_distribution(parent: Element) -> Element:
    """Return the distribution that an element holds."""
    for child in parent.children:
        if child.tag in DISTRIBUTIONS:
            return child
    raise malformed(parent, f"it holds no distribution; those are {', '.join(DISTRIBUTIONS)}")


def compile_density(element: Element) -> Density:
    """Compile a distribution: from values to the logarithms of their densities, NaN for NaN."""
    if element.tag == "GaussianDistribution":
        variance = element.number("variance")
        if not variance >= 0:
            raise malformed(element, f"the variance {variance!r} is below 0")
        return _gaussian(element.number("mean"), variance)
    if element.tag == "PoissonDistribution":
        mean = element.number("mean")
        if not mean > 0:
            raise malformed(element, f"the mean {mean!r} is not above 0")
        return _poisson(mean)
    if element.tag == "UniformDistribution":
        low, high = element.number("lower"), element.number("upper")
        if not low < high:
            raise malformed(element, f"lower={low!r} is not below upper={high!r}")
        return _uniform(low, high)
    raise unsupported(element, "a mean and a variance alone give no density")


def _gaussian(mean: float, variance: float) -> Density:
    if variance == 0.0:
        return lambda values: _where_known(values, np.where(values == mean, 0.0, -np.inf))
    scale = -0.5 * math.log(2.0 * math.pi * variance)
    return lambda values: scale - (values - mean) ** 2 / (2.0 * variance)


def _poisson(mean: float) -> Density:
    rate = math.log(mean)

    def density(values: Floats) -> Floats:
        factorials = np.array([math.lgamma(value + 1.0) if value >= 0 else 0.0 for value in values.tolist()])
        return _where_known(values, np.where(values >= 0, values * rate - mean - factorials, -np.inf))

    return density


def _uniform(low: float, high: float) -> Density:
    inside = -math.log(high - low)
    return lambda values: _where_known(values, np.where((values >= low) & (values <= high), inside, -np.inf))


def _where_known(values: Floats, densities: Floats) -> Floats:
    known: Floats = np.where(np.isnan(values), np.nan, densities)
    return known
