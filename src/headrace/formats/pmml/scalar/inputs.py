"""A record's values, read and treated as ``schema.Input`` does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from headrace.formats.pmml.dictionary import DataField, Interval
from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.scalar.casts import require_plain, round_single
from headrace.formats.pmml.scalar.program import Program
from headrace.formats.pmml.scalar.ways import NoPlan, Unsettled
from headrace.formats.pmml.schema import Input, MiningField

Value = Any
"""A float, or a text or None."""
Read = Callable[[Any], Value]
_EXACT = 2**53
"""Whole numbers below are exact in double precision."""


def make_reader(entry: Input) -> Read:
    """Return what reads a value of an input, None or absent for missing."""
    data_field, field = entry.data_field, entry.mining_field
    type = require_plain(data_field.type)
    if entry.field.is_list:
        raise NoPlan(f"the list {data_field.name!r}")
    convert: Read = _read_text if type.is_text else _NUMBERS[type.name]
    excludes = data_field.valid or data_field.invalid or data_field.intervals or data_field.missing
    treated = None if field is None or not field.treats else field
    if not excludes and treated is None:
        return convert
    check = _make_check(data_field)
    treatment = "asIs" if field is None else field.invalid
    invalid = _read_replacement(data_field, field.invalid_replacement if field else None)
    finish = None if treated is None else _make_finish(data_field, treated)

    def read(given: Any) -> Value:
        value = convert(given)
        if check is not None:
            verdict = check(value)
            if verdict is _MISSING:
                value = None if type.is_text else math.nan
            elif verdict is _INVALID and treatment != "asIs":
                if treatment == "returnInvalid":
                    raise Unsettled
                value = invalid
        return value if finish is None else finish(value)

    interval = _single_interval(data_field)
    if interval is None or treated is not None or treatment != "returnInvalid" or type.name != "double":
        return read
    low, high = interval.low, interval.high

    def read_within(given: Any) -> Value:
        """Take the short way for a number inside the one interval that is allowed."""
        return given if given.__class__ is float and low <= given <= high else read(given)

    return read_within


def _single_interval(data_field: DataField) -> Interval | None:
    """Return the only thing that a field's dictionary entry says, if that is one closed interval."""
    if data_field.valid or data_field.invalid or data_field.missing or len(data_field.intervals) != 1:
        return None
    interval = data_field.intervals[0]
    return interval if interval.low_closed and interval.high_closed else None


def _read_text(given: Any) -> Value:
    if given is None or given.__class__ is str:
        return given
    raise Unsettled


def _read_double(given: Any) -> Value:
    if given.__class__ is float:
        return given
    if given is None:
        return math.nan
    if given.__class__ is int and -_EXACT < given < _EXACT:
        return float(given)
    raise Unsettled


def _read_single(given: Any) -> Value:
    return round_single(_read_double(given))


def _read_whole(given: Any) -> Value:
    value = _read_double(given)
    if given is None or value.is_integer():
        return value
    raise Unsettled


def _read_boolean(given: Any) -> Value:
    if given.__class__ is bool:
        return float(given)
    value = _read_double(given)
    if given is None or value in (0.0, 1.0):
        return value
    raise Unsettled


_NUMBERS: dict[str, Read] = {
    "double": _read_double,
    "float": _read_single,
    "integer": _read_whole,
    "boolean": _read_boolean,
}

_VALID, _MISSING, _INVALID = range(3)


def _make_check(data_field: DataField) -> Callable[[Value], int] | None:
    """Return what tells a value's validity, None where the dictionary excludes nothing."""
    if not (data_field.valid or data_field.invalid or data_field.intervals or data_field.missing):
        return None
    text = data_field.type.is_text
    missing: frozenset[Value] = (
        data_field.missing if text else frozenset(data_field.numbers(data_field.missing).tolist())
    )
    invalid: frozenset[Value] = (
        data_field.invalid if text else frozenset(data_field.numbers(data_field.invalid).tolist())
    )
    valid: frozenset[Value] = (
        frozenset(data_field.valid) if text else frozenset(data_field.numbers(data_field.valid).tolist())
    )
    restricts = bool(data_field.valid or (data_field.intervals and not text))
    intervals = () if text else data_field.intervals

    def check(value: Value) -> int:
        if value is None or value != value or value in missing:  # noqa: PLR0124 (not a number)
            return _MISSING
        if value in invalid:
            return _INVALID
        if not restricts or value in valid or any(contains(interval, value) for interval in intervals):
            return _VALID
        return _INVALID

    return check


def contains(interval: Interval, value: float) -> bool:
    """Tell whether a number lies in an interval."""
    above = value >= interval.low if interval.low_closed else value > interval.low
    return above and (value <= interval.high if interval.high_closed else value < interval.high)


def _read_replacement(data_field: DataField, text: str | None) -> Value:
    type = data_field.type
    if text is None:
        return None if type.is_text else math.nan
    if type.is_text:
        return text
    value = type.parse_any(text)
    return round_single(value) if type.is_float else value


def _make_finish(data_field: DataField, field: MiningField) -> Callable[[Value], Value]:
    """Return what treats outliers, then missing values."""
    missing = _read_replacement(data_field, field.missing_replacement)
    low, high, outliers = field.low, field.high, field.outliers
    if data_field.type.is_text:
        outliers = "asIs"
    elif outliers != "asIs" and data_field.type.is_float:
        raise NoPlan("outliers in single precision")

    def finish(value: Value) -> Value:
        if outliers != "asIs" and (value < low or value > high):
            value = math.nan if outliers == "asMissingValues" else max(low, min(high, value))
        if value is None or value != value:  # noqa: PLR0124 (not a number)
            if field.missing == "returnInvalid":
                raise Unsettled
            return missing
        return value

    return finish


def write_reading(program: Program, entry: Input, slot: int) -> int:
    """Write what ``make_reader`` does to a number that is packed as it came; returns the slot that it is in then."""
    data_field, field = entry.data_field, entry.mining_field
    type = require_plain(data_field.type)
    if entry.field.is_list:
        raise NoPlan("a list")
    if type.name == "boolean":
        program.rewrite(programs.BOUND, slot, [slot], (0.0, 1.0))
    if type.is_whole or type.name == "boolean":
        program.rewrite(programs.WHOLE, slot, [slot])
    elif type.is_float:
        program.rewrite(programs.SINGLE, slot, [slot])
    if data_field.valid or data_field.invalid or data_field.missing:
        raise NoPlan("values that the dictionary lists")
    if data_field.intervals and (field is None or field.invalid != "asIs"):
        interval = _single_interval(data_field)
        if interval is None:
            raise NoPlan("intervals")
        program.rewrite(programs.BOUND, slot, [slot], (interval.low, interval.high))
    if field is None or not field.treats:
        return slot
    if field.outliers != "asIs":
        operation = programs.CUT_OFF if field.outliers == "asMissingValues" else programs.CLAMP
        program.rewrite(operation, slot, [slot], (field.low, field.high))
    if field.missing == "returnInvalid":
        program.rewrite(programs.REQUIRE, slot, [slot])
    elif field.missing_replacement is not None:
        program.rewrite(programs.REPLACE, slot, [slot], (_read_replacement(data_field, field.missing_replacement), 0.0))
    return slot
