"""The normal distribution and the error function."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, Numbers
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.expressions.functions.arithmetic import read_numbers
from headrace.formats.pmml.expressions.functions.builtin import Builtin, Call, table

_STANDARD = NormalDist()


def erf(values: Floats) -> Floats:
    """Return the error function of each value."""
    result: Floats = np.array([math.erf(value) for value in values.tolist()], dtype=np.float64)
    return result


def normal_cdf(values: Floats) -> Floats:
    """Return the standard normal distribution function of each value."""
    result: Floats = np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in values.tolist()], dtype=np.float64)
    return result


def normal_quantile(values: Floats) -> Floats:
    """Return the standard normal quantile of each value; NaN outside (0, 1)."""
    result: Floats = np.array(
        [_STANDARD.inv_cdf(value) if 0.0 < value < 1.0 else math.nan for value in values.tolist()], dtype=np.float64
    )
    return result


def normal_density(values: Floats) -> Floats:
    """Return the standard normal density of each value."""
    result: Floats = np.exp(-0.5 * values * values) / math.sqrt(2.0 * math.pi)
    return result


def _standard(function: Callable[[Floats], Floats]) -> Call:
    def call(columns: list[Column]) -> Column:
        values, _ = read_numbers(columns)
        with np.errstate(all="ignore"):
            return Numbers(function(values[0].astype(np.float64)), DOUBLE)

    return call


def _general(function: Callable[[Floats, Floats, Floats], Floats]) -> Call:
    def call(columns: list[Column]) -> Column:
        values, _ = read_numbers(columns)
        value, mean, deviation = (part.astype(np.float64) for part in values)
        with np.errstate(all="ignore"):
            return Numbers(function(value, mean, deviation), DOUBLE)

    return call


FUNCTIONS = table(
    Builtin("erf", _standard(erf), 1, 1),
    Builtin("stdNormalCDF", _standard(normal_cdf), 1, 1),
    Builtin("stdNormalPDF", _standard(normal_density), 1, 1),
    Builtin("stdNormalIDF", _standard(normal_quantile), 1, 1),
    Builtin("normalCDF", _general(lambda x, mean, deviation: normal_cdf((x - mean) / deviation)), 3, 3),
    Builtin("normalPDF", _general(lambda x, mean, deviation: normal_density((x - mean) / deviation) / deviation), 3, 3),
    Builtin("normalIDF", _general(lambda p, mean, deviation: mean + deviation * normal_quantile(p)), 3, 3),
)
