"""Arithmetic: operators, mathematical functions, aggregates over the arguments.

Two floats, or a float and an integer, are computed in single precision; everything else in double. A result that is
not a number (a root of a negative number, 0 / 0) is missing. The aggregates leave missing arguments out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Column, Numbers, cast
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT, INTEGER, DataType
from headrace.formats.pmml.expressions.functions.builtin import Builtin, Call, table

Values = npt.NDArray[np.floating[Any]]


def read_numbers(columns: list[Column]) -> tuple[list[Values], DataType]:
    """Return the arguments' values in the precision that they share, and the type of an exact result."""
    numbers = [column if isinstance(column, Numbers) else cast(column, DOUBLE) for column in columns]
    types = {column.type.name for column in numbers}
    if "float" in types and types <= {"float", "integer"}:
        return [column.values.astype(np.float32, copy=False) for column in numbers], FLOAT  # type: ignore[union-attr]
    whole = all(column.type.is_whole for column in numbers)
    return [column.values.astype(np.float64, copy=False) for column in numbers], INTEGER if whole else DOUBLE  # type: ignore[union-attr]


def _result(values: Values, type: DataType) -> Numbers:
    if type.is_float:
        return Numbers(values.astype(np.float32, copy=False), FLOAT)
    return Numbers(values.astype(np.float64, copy=False), type)


def _numeric(function: Callable[..., Values], whole: bool = False) -> Call:
    """Wrap a function of arrays. ``whole``: integers in, integer out."""

    def call(columns: list[Column]) -> Column:
        values, type = read_numbers(columns)
        with np.errstate(all="ignore"):
            result = function(*values)
        return _result(result, type if whole or type.is_float else DOUBLE)

    return call


def _to_whole(function: Callable[[Values], Values]) -> Call:
    """Wrap a function of one array whose results are integers."""

    def call(columns: list[Column]) -> Column:
        values, _ = read_numbers(columns)
        return Numbers(function(values[0]).astype(np.float64), INTEGER)

    return call


def _aggregate(function: Callable[[Values], Values], whole: bool = True) -> Call:
    """Wrap an aggregate over the rows of a matrix, one row an argument."""

    def call(columns: list[Column]) -> Column:
        values, type = read_numbers(columns)
        stacked = np.stack(values)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            result = function(stacked)
        result = np.where(np.isnan(stacked).all(axis=0), np.nan, result)
        return _result(result, type if whole or type.is_float else DOUBLE)

    return call


def _threshold(value: Values, limit: Values) -> Values:
    result: Values = np.where(np.isnan(value) | np.isnan(limit), np.nan, (value > limit).astype(np.float64))
    return result


def _sum(stacked: Values) -> Values:
    """Add up in the order of the arguments, so that the result does not depend on how NumPy pairs them."""
    total = np.zeros(stacked.shape[1], dtype=stacked.dtype)
    for row in stacked:
        total = total + np.where(np.isnan(row), 0, row)
    return total


def _mean(stacked: Values) -> Values:
    mean: Values = _sum(stacked) / (~np.isnan(stacked)).sum(axis=0).astype(stacked.dtype)
    return mean


FUNCTIONS = table(
    Builtin("+", _numeric(np.add, whole=True), 2, 2),
    Builtin("-", _numeric(np.subtract, whole=True), 2, 2),
    Builtin("*", _numeric(np.multiply, whole=True), 2, 2),
    Builtin("/", _numeric(np.divide), 2, 2),
    Builtin("modulo", _numeric(np.mod, whole=True), 2, 2),
    Builtin("pow", _numeric(np.power), 2, 2),
    Builtin("hypot", _numeric(np.hypot), 2, 2),
    Builtin("threshold", _numeric(_threshold), 2, 2),
    Builtin("abs", _numeric(np.abs, whole=True), 1, 1),
    Builtin("sqrt", _numeric(np.sqrt), 1, 1),
    Builtin("exp", _numeric(np.exp), 1, 1),
    Builtin("expm1", _numeric(np.expm1), 1, 1),
    Builtin("ln", _numeric(np.log), 1, 1),
    Builtin("ln1p", _numeric(np.log1p), 1, 1),
    Builtin("log10", _numeric(np.log10), 1, 1),
    Builtin("sin", _numeric(np.sin), 1, 1),
    Builtin("asin", _numeric(np.arcsin), 1, 1),
    Builtin("sinh", _numeric(np.sinh), 1, 1),
    Builtin("cos", _numeric(np.cos), 1, 1),
    Builtin("acos", _numeric(np.arccos), 1, 1),
    Builtin("cosh", _numeric(np.cosh), 1, 1),
    Builtin("tan", _numeric(np.tan), 1, 1),
    Builtin("atan", _numeric(np.arctan), 1, 1),
    Builtin("atan2", _numeric(np.arctan2), 2, 2),
    Builtin("tanh", _numeric(np.tanh), 1, 1),
    Builtin("rint", _numeric(np.rint), 1, 1),
    Builtin("floor", _to_whole(np.floor), 1, 1),
    Builtin("ceil", _to_whole(np.ceil), 1, 1),
    Builtin("round", _to_whole(lambda values: np.floor(values + 0.5)), 1, 1),
    Builtin("min", _aggregate(lambda stacked: np.fmin.reduce(stacked, axis=0)), 1, None, strict=False),
    Builtin("max", _aggregate(lambda stacked: np.fmax.reduce(stacked, axis=0)), 1, None, strict=False),
    Builtin("sum", _aggregate(_sum), 1, None, strict=False),
    Builtin("product", _aggregate(lambda stacked: np.nanprod(stacked, axis=0)), 1, None, strict=False),
    Builtin("avg", _aggregate(_mean, whole=False), 1, None, strict=False),
    Builtin("median", _aggregate(lambda stacked: np.nanmedian(stacked, axis=0), whole=False), 1, None, strict=False),
)
