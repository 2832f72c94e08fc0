"""Conversions of one value from type to type, as ``columns.cast`` converts columns."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from headrace.formats.pmml.columns import parse_or_nan
from headrace.formats.pmml.datatypes import ANY, DataType
from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.scalar.program import Form, compute
from headrace.formats.pmml.scalar.ways import NoPlan

PLAIN = frozenset({"double", "float", "integer", "boolean", "string"})
_SINGLE = struct.Struct("f")


def round_single(value: float) -> float:
    """Round to single precision. Raises ``OverflowError`` beyond it."""
    rounded: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return rounded


def require_plain(type: DataType) -> DataType:
    """Return the type. Raises ``NoPlan`` for dates and times."""
    if type.name not in PLAIN:
        raise NoPlan(f"the type {type.name}")
    return type


@lru_cache(maxsize=256)
def find_cast(source: DataType, type: DataType) -> Callable[[Any], Any] | None:
    """Return what converts a value, None where nothing has to be done."""
    if type is ANY or source is type:
        return None
    require_plain(source)
    require_plain(type)
    if source.is_text:
        return partial(_parse, type=type)
    if type.is_text:
        return partial(_write, type=source)
    if type.is_float:
        return round_single
    if type.name == "boolean":
        return _to_boolean
    return _truncate if type.is_whole and not source.is_whole else None


def _parse(text: str | None, type: DataType) -> float:
    if text is None:
        return math.nan
    value = parse_or_nan(text, type)
    return round_single(value) if type.is_float else value


def _write(value: float, type: DataType) -> str | None:
    return None if math.isnan(value) else type.write(value)


def _to_boolean(value: float) -> float:
    return value if math.isnan(value) else float(value != 0.0)


def _truncate(value: float) -> float:
    return value if math.isnan(value) else math.copysign(math.trunc(value), value)


_FORMS: dict[Callable[[Any], Any], Form] = {
    round_single: compute(programs.SINGLE),
    _to_boolean: compute(programs.TO_BOOLEAN),
    _truncate: compute(programs.TRUNCATE),
}


def find_form(convert: Callable[[Any], Any]) -> Form | None:
    """Return the form of a conversion, None for one that has to do with texts."""
    return _FORMS.get(convert)
