"""Lag: the value that a field had some records before, or an aggregate of the values before.

The records before are those of the same batch, in their order, and with BlockIndicator those of them that agree in its
fields: a model keeps no state between batches. The first records have none before them; an aggregate is of those that
there are. Standard: "Transformations", Lag, PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, Numbers, Rows, Texts
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.scope import Compute, Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed

Reduce = Callable[[Floats], Floats]
MAX_LAG = 100_000
MAX_WINDOW = 1000
"""The most records that an aggregate may be of."""


def _reduce(function: Callable[..., Floats]) -> Reduce:
    return lambda window: function(window, axis=1)


def _deviate(window: Floats) -> Floats:
    """Return the standard deviation of a sample; missing for fewer than two values."""
    count = (~np.isnan(window)).sum(axis=1)
    spread = np.nansum((window - np.nanmean(window, axis=1)[:, None]) ** 2, axis=1)
    deviation: Floats = np.sqrt(spread / np.where(count > 1, count - 1, np.nan))
    return deviation


AGGREGATES: dict[str, Reduce | None] = {
    "none": None,
    "avg": _reduce(np.nanmean),
    "max": _reduce(np.nanmax),
    "median": _reduce(np.nanmedian),
    "min": _reduce(np.nanmin),
    "product": _reduce(np.nanprod),
    "sum": _reduce(np.nansum),
    "stddev": _deviate,
}


def compile_expression(element: Element, scope: Scope) -> Compute:
    """Compile a Lag."""
    field = scope.field(element.require("field"), element)
    count = element.integer("n", 1)
    reduce = AGGREGATES[element.choice("aggregate", AGGREGATES, "none")]
    most = MAX_LAG if reduce is None else MAX_WINDOW
    if not 0 < count <= most:
        raise malformed(element, f"n={count} is not between 1 and {most:,}")
    if reduce is not None and field.type.is_text:
        raise malformed(element, f"the text field {field.name!r} cannot be aggregated")
    blocks = [scope.field(child.require("field"), child) for child in element.find_all("BlockIndicator")]

    def compute(context: Context) -> Column:
        whole, rows = _find_batch(context)
        column = whole.column(field)
        if reduce is None:
            lagged = _shift(column, _find_earlier(whole, blocks, count))
        else:
            assert isinstance(column, Numbers)
            lagged = _aggregate(column, [_find_earlier(whole, blocks, n + 1) for n in range(count)], reduce)
        return lagged if rows is None else lagged.take(rows)

    return compute


def _find_batch(context: Context) -> tuple[Context, Rows | None]:
    """Return the whole batch, and the places in it of a context's rows."""
    rows = None
    while context.parent is not None and context.rows is not None:
        rows = context.rows if rows is None else context.rows[rows]
        context = context.parent
    return context, rows


def _find_earlier(context: Context, blocks: list[Field], count: int) -> Rows:
    """Return the place of the record ``count`` before each one in its block, -1 where there is none."""
    size = context.size
    if not blocks:
        places = np.arange(size) - count
        return np.where(places < 0, -1, places)
    keys = [_number(context.column(field)) for field in blocks]
    _, numbers = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)
    numbers = numbers.reshape(-1)
    order = np.argsort(numbers, kind="stable")
    earlier = np.full(size, -1)
    if size > count:
        same = numbers[order[count:]] == numbers[order[:-count]]
        earlier[order[count:][same]] = order[:-count][same]
    return earlier


def _number(column: Column) -> Floats:
    """Return numbers that are equal where a column's values are; missing ones are equal to one another."""
    codes = column.codes if isinstance(column, Texts) else np.nan_to_num(column.values, nan=np.inf)
    return codes.astype(np.float64)


def _shift(column: Column, earlier: Rows) -> Column:
    there = np.flatnonzero(earlier >= 0)
    return column.take(earlier[there]).place(there, len(earlier))


def _aggregate(column: Numbers, earlier: list[Rows], reduce: Reduce) -> Column:
    values = np.append(column.values.astype(np.float64), np.nan)
    window = np.stack([values[places] for places in earlier], axis=1)
    known = ~np.isnan(window).all(axis=1)
    result = np.full(len(window), np.nan)
    with np.errstate(all="ignore"):
        if known.any():
            result[known] = reduce(window[known])
    return Numbers(result, DOUBLE)
