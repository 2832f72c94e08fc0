"""Event times of any form to milliseconds since the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from headrace.records import Int64Array
    from headrace.wire.layout import TimeUnit

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_LONGEST = 2**63


def to_milliseconds(column: pa.Array, unit: TimeUnit) -> tuple[Int64Array, dict[int, str]]:
    """Read a column as event times, rounded down.

    Returns the times (0 where there is none) and, by position, what is wrong with those that cannot be read; a null is
    not among them. ``unit`` is that of numbers without a type of their own.
    """
    if pa.types.is_timestamp(column.type):
        return _whole(column.cast(pa.int64()), column.type.unit), {}
    if pa.types.is_date32(column.type):
        return _whole(column.cast(pa.int32()).cast(pa.int64()), "s", 86_400), {}
    if pa.types.is_date64(column.type):
        return _whole(column.cast(pa.int64()), "ms"), {}
    if pa.types.is_integer(column.type) and not pa.types.is_uint64(column.type):
        return _checked_whole(column.cast(pa.int64()), unit)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _each(column, lambda value: _parse(value, unit))
    if pa.types.is_floating(column.type) or pa.types.is_uint64(column.type):
        return _each(column, lambda value: _scale(value, unit))
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64), {}
    wrong = {int(position): f"a {column.type} is no time" for position in np.flatnonzero(column.is_valid())}
    return np.zeros(len(column), np.int64), wrong


def _whole(column: pa.Array, unit: str, factor: int = 1) -> Int64Array:
    numbers = _fill(column)
    per_second = _PER_SECOND[unit]
    if per_second <= _PER_SECOND["ms"]:
        return numbers * np.int64(factor * (1_000 // per_second))
    return numbers // np.int64(per_second // 1_000)


def _fill(column: pa.Array) -> Int64Array:
    numbers: Int64Array = (pc.fill_null(column, 0) if column.null_count else column).to_numpy()
    return numbers


def _checked_whole(column: pa.Array, unit: TimeUnit) -> tuple[Int64Array, dict[int, str]]:
    times = _whole(column, unit)
    if unit != "s":
        return times, {}
    numbers = _fill(column)
    too_long = np.flatnonzero(times // 1_000 != numbers)
    return times, {int(position): f"{numbers[position]} s is beyond any time" for position in too_long}


def _each(column: pa.Array, read: Callable[[object], int]) -> tuple[Int64Array, dict[int, str]]:
    times = np.zeros(len(column), np.int64)
    wrong: dict[int, str] = {}
    for position, value in enumerate(column.to_pylist()):
        if value is None:
            continue
        try:
            times[position] = read(value)
        except (ValueError, OverflowError):
            wrong[position] = f"{value!r} is no time"
    return times, wrong


def _scale(value: object, unit: TimeUnit) -> int:
    assert isinstance(value, (int, float))
    if isinstance(value, int):
        milliseconds = value * 1_000 // _PER_SECOND[unit]
    else:
        milliseconds = math.floor(value * (1_000 / _PER_SECOND[unit]))
    if not -_LONGEST <= milliseconds < _LONGEST:
        raise OverflowError
    return milliseconds


def _parse(text: object, unit: TimeUnit) -> int:
    assert isinstance(text, str)
    if text.removeprefix("-").isdecimal():
        return _scale(int(text), unit)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
