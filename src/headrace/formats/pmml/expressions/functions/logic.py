"""Comparisons, logic in three values, and choices.

A comparison with a missing value is unknown (missing). ``and`` is false if any part is false, else unknown if any part
is; ``or`` likewise with true. A text that meets a number is read as a number; one that is none equals no number.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headrace.formats.pmml.columns import (
    Bools,
    Column,
    Floats,
    Numbers,
    Texts,
    cast,
    encode_booleans,
    put,
)
from headrace.formats.pmml.datatypes import BOOLEAN, DOUBLE, STRING
from headrace.formats.pmml.expressions.functions.builtin import Builtin, Call, table


def align(left: Column, right: Column) -> tuple[Floats, Floats, Bools]:
    """Return two columns as numbers that compare as the values do, and which rows have both.

    Texts become ranks among both columns' texts in alphabetical order.
    """
    present = ~(left.missing() | right.missing())
    if isinstance(left, Texts) and isinstance(right, Texts):
        order = sorted({*left.categories, *right.categories})
        rank = {text: float(place) for place, text in enumerate(order)}
        return left.measure(rank.__getitem__).values, right.measure(rank.__getitem__).values, present  # type: ignore[return-value]
    type = left.type if isinstance(left, Numbers) else right.type
    return _as_floats(left, type), _as_floats(right, type), present


def _as_floats(column: Column, type: object) -> Floats:
    if isinstance(column, Texts):
        column = cast(column, type if type is not STRING else DOUBLE)  # type: ignore[arg-type]
    assert isinstance(column, Numbers)
    return column.values.astype(np.float64, copy=False)


def _compare(function: Callable[[Floats, Floats], Bools]) -> Call:
    def call(columns: list[Column]) -> Column:
        left, right, present = align(columns[0], columns[1])
        return encode_booleans(function(left, right), ~present)

    return call


def _is_in(wanted: bool) -> Call:
    def call(columns: list[Column]) -> Column:
        found = np.zeros(len(columns[0]), dtype=np.bool_)
        for candidate in columns[1:]:
            left, right, present = align(columns[0], candidate)
            found |= (left == right) & present
        return encode_booleans(found if wanted else ~found, columns[0].missing())

    return call


def _truth(column: Column) -> Floats:
    values = cast(column, BOOLEAN)
    assert isinstance(values, Numbers)
    return values.values.astype(np.float64, copy=False)


def _all(columns: list[Column]) -> Column:
    stacked = np.stack([_truth(column) for column in columns])
    false = (stacked == 0).any(axis=0)
    return encode_booleans(~false, np.isnan(stacked).any(axis=0) & ~false)


def _any(columns: list[Column]) -> Column:
    stacked = np.stack([_truth(column) for column in columns])
    true = (stacked == 1).any(axis=0)
    return encode_booleans(true, np.isnan(stacked).any(axis=0) & ~true)


def _not(columns: list[Column]) -> Column:
    return Numbers(1.0 - _truth(columns[0]), BOOLEAN)


def _if(columns: list[Column]) -> Column:
    condition = _truth(columns[0])
    chosen, other = columns[1], columns[2] if len(columns) > 2 else None
    if other is None:
        return _blank(chosen, condition != 1)
    if isinstance(chosen, Numbers) and isinstance(other, Numbers):
        if chosen.type is not other.type:
            chosen, other = _widen(chosen, other)
    elif isinstance(chosen, Numbers):
        chosen = cast(chosen, STRING) if chosen.missing().all() or not _reads(other, chosen) else chosen
    result = put(chosen, condition == 0, other)
    return _blank(result, np.isnan(condition))


def _widen(chosen: Numbers, other: Numbers) -> tuple[Numbers, Numbers]:
    """Bring two types of numbers to the one that holds both."""
    type = chosen.type if other.type.is_whole and not chosen.type.is_whole else other.type
    if {chosen.type.name, other.type.name} >= {"double"} or "boolean" in (chosen.type.name, other.type.name):
        type = DOUBLE
    left, right = cast(chosen, type), cast(other, type)
    assert isinstance(left, Numbers)
    assert isinstance(right, Numbers)
    return left, right


def _reads(column: Column, like: Numbers) -> bool:
    """Tell whether every text of a column is a value of the other's type."""
    read = cast(column, like.type)
    return bool((read.missing() == column.missing()).all())


def _blank(column: Column, rows: Bools) -> Column:
    if isinstance(column, Numbers):
        return Numbers(np.where(rows, np.nan, column.values).astype(column.values.dtype), column.type)
    return Texts(np.where(rows, -1, column.codes).astype(np.int32), column.categories)


FUNCTIONS = table(
    Builtin("equal", _compare(np.equal), 2, 2),
    Builtin("notEqual", _compare(np.not_equal), 2, 2),
    Builtin("lessThan", _compare(np.less), 2, 2),
    Builtin("lessOrEqual", _compare(np.less_equal), 2, 2),
    Builtin("greaterThan", _compare(np.greater), 2, 2),
    Builtin("greaterOrEqual", _compare(np.greater_equal), 2, 2),
    Builtin("isIn", _is_in(True), 2, None),
    Builtin("isNotIn", _is_in(False), 2, None),
    Builtin("and", _all, 2, None, strict=False),
    Builtin("or", _any, 2, None, strict=False),
    Builtin("not", _not, 1, 1),
    Builtin("if", _if, 2, 3, strict=False),
    Builtin("isMissing", lambda columns: encode_booleans(columns[0].missing()), 1, 1, strict=False),
    Builtin("isNotMissing", lambda columns: encode_booleans(~columns[0].missing()), 1, 1, strict=False),
    Builtin("isValid", lambda columns: encode_booleans(~columns[0].missing()), 1, 1, strict=False),
    Builtin("isNotValid", lambda columns: encode_booleans(columns[0].missing()), 1, 1, strict=False),
)
