"""JSON as Headrace writes and reads it.

NaN and the infinities are the strings "NaN", "Infinity" and "-Infinity", since JSON has no numbers for them. Reading
turns those strings into numbers only where the document says so (golden records): elsewhere a text stays a text.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

NOT_FINITE: Mapping[str, float] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def name_float(value: float) -> str:
    """Name a float that is not finite."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def to_plain(value: object) -> Any:
    """Turn a value of a record or result into what JSON holds; bytes become base64, dates and times ISO 8601.

    Raises ``TypeError`` for a type that JSON has no form for.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else name_float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): to_plain(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(member) for member in value]
    if hasattr(value, "tolist"):
        return to_plain(value.tolist())
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def write(value: object) -> str:
    """Write a value as one line of JSON.

    Raises ``TypeError`` for what JSON has no form for.
    """
    plain = to_plain(value)
    try:
        return msgspec.json.encode(plain).decode()
    except (OverflowError, UnicodeEncodeError) as error:
        raise TypeError(str(error)) from error


def restore_floats(value: object) -> Any:
    """Turn the strings that name floats back into floats, within lists and objects too."""
    if isinstance(value, str):
        return NOT_FINITE.get(value, value)
    if isinstance(value, dict):
        return {name: restore_floats(member) for name, member in value.items()}
    if isinstance(value, list):
        return [restore_floats(member) for member in value]
    return value
