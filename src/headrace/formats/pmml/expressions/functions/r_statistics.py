"""Functions of R's package stats, which converters of R models write by R's name.

``stats::ppois(q, lambda)`` comes from hurdle models, whose response is exp(ln p + ln lambda - log P(count > 0)): it
stands for R's ``ppois(q, lambda, lower.tail = FALSE, log.p = TRUE)``, the logarithm of the probability of more than q.
"""

from __future__ import annotations

import math

import numpy as np

from headrace.formats.pmml.columns import Column, Numbers
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.expressions.functions.arithmetic import read_numbers
from headrace.formats.pmml.expressions.functions.builtin import Builtin, table

_ENOUGH = 1e-17


def log_poisson_above(count: float, mean: float) -> float:
    """Return ln P(X > count) of a Poisson variable; NaN where the mean is negative or either is missing."""
    if math.isnan(count) or not mean >= 0.0:
        return math.nan
    first = math.floor(count + 1e-7) + 1  # R leaves the same room for what rounding left of a whole number
    if first <= 0:
        return 0.0
    if mean == 0.0 or math.isinf(mean):
        return 0.0 if mean else -math.inf
    if first == 1:
        return math.log(-math.expm1(-mean))
    if first > mean:  # the terms fall: the first of them times a quick series
        term, total, place = 1.0, 1.0, first
        while term > total * _ENOUGH:
            place += 1
            term *= mean / place
            total += term
        return first * math.log(mean) - mean - math.lgamma(first + 1) + math.log(total)
    below = math.fsum(math.exp(place * math.log(mean) - mean - math.lgamma(place + 1)) for place in range(first))
    return math.log1p(-below)


def _poisson(columns: list[Column]) -> Column:
    (counts, means), _ = read_numbers(columns)
    pairs = zip(counts.tolist(), means.tolist(), strict=True)
    return Numbers(np.array([log_poisson_above(count, mean) for count, mean in pairs], dtype=np.float64), DOUBLE)


FUNCTIONS = table(Builtin("stats::ppois", _poisson, 2, 2))
