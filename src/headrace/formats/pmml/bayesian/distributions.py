"""The distributions of continuous nodes, whose parameters are expressions.

- NormalDistribution: mean and variance. LognormalDistribution: those of the logarithm.
- UniformDistribution: lower and upper. TriangularDistribution: lower, upper and mean, so its peak is at three times
  the mean less the ends.

Standard: "Bayesian Network Models", ContinuousDistribution, PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats, cast
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.expressions.compiler import compile_expression, find_expression
from headrace.formats.pmml.scope import Compute, Context, Scope
from headrace.formats.pmml.xml import Element, malformed, unsupported

Formula = Callable[..., Floats]


def _normal(x: Floats, mean: Floats, variance: Floats) -> Floats:
    density: Floats = np.exp(-((x - mean) ** 2) / (2.0 * variance)) / np.sqrt(2.0 * np.pi * variance)
    return density


def _lognormal(x: Floats, mean: Floats, variance: Floats) -> Floats:
    return np.where(x > 0, _normal(np.log(x), mean, variance) / x, np.where(np.isnan(x), np.nan, 0.0))


def _uniform(x: Floats, lower: Floats, upper: Floats) -> Floats:
    inside = np.where((x >= lower) & (x <= upper), 1.0 / (upper - lower), 0.0)
    return np.where(np.isnan(x), np.nan, inside)


def _triangular(x: Floats, mean: Floats, lower: Floats, upper: Floats) -> Floats:
    peak = np.clip(3.0 * mean - lower - upper, lower, upper)
    rising = 2.0 * (x - lower) / ((upper - lower) * (peak - lower))
    falling = 2.0 * (upper - x) / ((upper - lower) * (upper - peak))
    inside = np.where(x < peak, rising, np.where(x > peak, falling, 2.0 / (upper - lower)))
    return np.where((x < lower) | (x > upper), 0.0, np.where(np.isnan(x), np.nan, inside))


DISTRIBUTIONS: dict[str, tuple[tuple[str, ...], Formula, Formula]] = {
    "NormalDistribution": (("Mean", "Variance"), _normal, lambda mean, _: mean),
    "LognormalDistribution": (("Mean", "Variance"), _lognormal, lambda mean, variance: np.exp(mean + variance / 2.0)),
    "UniformDistribution": (("Lower", "Upper"), _uniform, lambda lower, upper: (lower + upper) / 2.0),
    "TriangularDistribution": (("Mean", "Lower", "Upper"), _triangular, lambda mean, *_: mean),
}
"""By name: the parameters, the density, and the mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """One compiled ContinuousDistribution."""

    parameters: list[Compute]
    density_formula: Formula
    mean_formula: Formula

    def density(self, context: Context, values: Floats) -> Floats:
        """Return the density of each row's value."""
        return self.density_formula(values, *self._read(context))

    def mean(self, context: Context) -> Floats:
        """Return the mean of each row's distribution."""
        return self.mean_formula(*self._read(context))

    def _read(self, context: Context) -> list[Floats]:
        columns = [cast(parameter(context), DOUBLE) for parameter in self.parameters]
        return [np.asarray(column.values, dtype=np.float64) for column in columns]  # type: ignore[union-attr]


def compile_distribution(holder: Element, scope: Scope) -> Distribution:
    """Compile the one ContinuousDistribution that an element holds."""
    found = holder.find_all("ContinuousDistribution")
    if len(found) != 1:
        raise unsupported(holder, f"it holds {len(found)} distributions; one is supported")
    for child in found[0].children:
        if child.tag in DISTRIBUTIONS:
            names, density, mean = DISTRIBUTIONS[child.tag]
            expressions = [find_expression(child.child(name)) for name in names]
            return Distribution([compile_expression(part, scope) for part in expressions], density, mean)
    raise malformed(found[0], f"it holds no distribution; those are {', '.join(DISTRIBUTIONS)}")
