"""Functions of dates and times. A year that starts a count is given as a number; the count starts on 1 January."""

from __future__ import annotations

import datetime as dt

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, Numbers, Texts, cast, parse_or_nan
from headrace.formats.pmml.datatypes import DOUBLE, INTEGER, data_type
from headrace.formats.pmml.expressions.functions.builtin import Builtin, table
from headrace.formats.pmml.expressions.functions.texts import as_texts, combine

_EPOCH = dt.date(1970, 1, 1)
_DATE, _MOMENT, _TIME = data_type("date"), data_type("dateTime"), data_type("time")


def _seconds(column: Column) -> Floats:
    """Return moments as seconds since 1970; a date is its midnight."""
    moments = cast(column, _MOMENT) if isinstance(column, Texts) or column.type is not _MOMENT else column
    assert isinstance(moments, Numbers)
    return moments.values.astype(np.float64, copy=False)


def _origins(column: Column) -> Floats:
    """Return the days from 1970-01-01 to the first day of each row's year."""
    years = cast(column, DOUBLE)
    assert isinstance(years, Numbers)
    distinct, inverse = np.unique(years.values, return_inverse=True)
    days = [
        (dt.date(int(year), 1, 1) - _EPOCH).days if 1 <= year <= 9999 else float("nan") for year in distinct.tolist()
    ]
    return np.array(days, dtype=np.float64)[inverse]


def _days_since_year(columns: list[Column]) -> Column:
    return Numbers(np.floor(_seconds(columns[0]) / 86400.0) - _origins(columns[1]), INTEGER)


def _seconds_since_year(columns: list[Column]) -> Column:
    return Numbers(np.floor(_seconds(columns[0]) - _origins(columns[1]) * 86400.0), INTEGER)


def _seconds_since_midnight(columns: list[Column]) -> Column:
    column = columns[0]
    if isinstance(column, Texts):
        column = column.measure(lambda text: parse_or_nan(text, _MOMENT if "-" in text else _TIME))
    elif column.type.counts_days:
        column = cast(column, _MOMENT)
    assert isinstance(column, Numbers)
    return Numbers(np.floor(np.mod(column.values.astype(np.float64), 86400.0)), INTEGER)


def _format_moment(columns: list[Column]) -> Column:
    def write(text: str, pattern: str) -> str | None:
        try:
            return dt.datetime.fromisoformat(text if "-" in text else f"1900-01-01T{text}").strftime(pattern)
        except ValueError:
            return None

    column = columns[0]
    if isinstance(column, Numbers) and column.type.name not in ("date", "dateTime", "time"):
        column = cast(column, _MOMENT if column.type.counts_seconds else _DATE)
    return combine([as_texts(column), as_texts(columns[1])], write)


FUNCTIONS = table(
    Builtin("dateDaysSinceYear", _days_since_year, 2, 2),
    Builtin("dateSecondsSinceYear", _seconds_since_year, 2, 2),
    Builtin("dateSecondsSinceMidnight", _seconds_since_midnight, 1, 1),
    Builtin("formatDatetime", _format_moment, 2, 2),
)
