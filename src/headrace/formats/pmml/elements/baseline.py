"""BaselineModel. Standard: "Baseline Model", PMML 4.1 to 4.4.

- zValue is how many standard deviations of the baseline a value lies from its mean.
- CUSUM adds up, record after record, the logarithm of the alternate's density over the baseline's, and never falls
  below the reset value; a value that is missing, or impossible under both, adds nothing. The records before are those
  of the same batch, as for a Lag: a model keeps nothing from one batch to the next.
- The statistics that compare counts over a window of records (chiSquareDistribution, chiSquareIndependence,
  scalarProduct) are not supported.
"""

from __future__ import annotations

import math

import numpy as np

from headrace.formats.pmml.columns import Numbers
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.densities import Density, compile_density, find_distribution
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.result import Evaluator, Result
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed, unsupported

STATISTICS = frozenset({"zValue", "CUSUM", "chiSquareDistribution", "chiSquareIndependence", "scalarProduct"})


class ZValue:
    """Gives the standardized distance from the mean of the baseline."""

    def __init__(self, field: Field, mean: float, deviation: float) -> None:
        self._field = field
        self._mean = mean
        self._deviation = deviation

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        with np.errstate(all="ignore"):
            return Result(Numbers((context.numbers(self._field) - self._mean) / self._deviation, DOUBLE))


class CumulativeSum:
    """Gives the evidence for the alternate that has added up since it last was at the reset value."""

    def __init__(self, field: Field, baseline: Density, alternate: Density, reset: float) -> None:
        self._field = field
        self._baseline = baseline
        self._alternate = alternate
        self._reset = reset

    def evaluate(self, context: Context) -> Result:
        """Score all rows, in their order."""
        values = context.numbers(self._field)
        with np.errstate(all="ignore"):
            evidence = self._alternate(values) - self._baseline(values)
            sums = np.cumsum(np.where(np.isnan(evidence), 0.0, evidence))
            score = sums + np.maximum(0.0, self._reset - np.minimum.accumulate(sums))
        score[np.isnan(values)] = np.nan
        return Result(Numbers(score, DOUBLE))


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a BaselineModel."""
    if info.function != "regression":
        raise malformed(element, f"functionName={info.function!r}; it gives a number")
    test = element.child("TestDistributions")
    test.require("testStatistic")
    statistic = test.choice("testStatistic", STATISTICS, "")
    if statistic not in ("zValue", "CUSUM") or test.integer("windowSize", 0) > 1:
        raise unsupported(test, f"the statistic {statistic} over a window of records is not supported")
    field = scope.field(test.require("field"), test)
    if field.type.is_text:
        raise malformed(test, f"the field {field.name!r} holds text; it must be numeric")
    distribution = find_distribution(test.child("Baseline"))
    if statistic == "CUSUM":
        alternate = compile_density(find_distribution(test.child("Alternate")))
        return CumulativeSum(field, compile_density(distribution), alternate, test.number("resetValue", 0.0))
    mean, variance = _read_moments(distribution)
    if not variance > 0:
        raise malformed(distribution, f"its variance {variance!r} is not above 0")
    return ZValue(field, mean, math.sqrt(variance))


def _read_moments(element: Element) -> tuple[float, float]:
    """Return the mean and the variance of a distribution."""
    if element.tag == "PoissonDistribution":
        return element.number("mean"), element.number("mean")
    if element.tag == "UniformDistribution":
        low, high = element.number("lower"), element.number("upper")
        return (low + high) / 2.0, (high - low) ** 2 / 12.0
    return element.number("mean"), element.number("variance")
