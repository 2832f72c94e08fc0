"""BaselineModel. Standard: "Baseline Model", PMML 4.1 to 4.4.

The statistic zValue is how many standard deviations of the baseline a value lies from its mean. The others (CUSUM,
chiSquareDistribution, chiSquareIndependence, scalarProduct) judge a sequence or a window of records. A model here keeps
nothing from one batch to the next, so that records give the same results however they are batched; those statistics are
not supported.
"""

from __future__ import annotations

import math

import numpy as np

from headrace.formats.pmml.columns import Numbers
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.densities import find_distribution
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


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a BaselineModel."""
    if info.function != "regression":
        raise malformed(element, f"functionName={info.function!r}; it gives a number")
    test = element.child("TestDistributions")
    test.require("testStatistic")
    statistic = test.choice("testStatistic", STATISTICS, "")
    if statistic != "zValue" or test.integer("windowSize", 0) > 1:
        raise unsupported(test, f"the statistic {statistic} over several records is not supported; zValue of one is")
    field = scope.field(test.require("field"), test)
    if field.type.is_text:
        raise malformed(test, f"the field {field.name!r} holds text; it must be numeric")
    distribution = find_distribution(test.child("Baseline"))
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
