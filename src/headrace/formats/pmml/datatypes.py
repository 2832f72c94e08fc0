"""The data types of PMML, and what their values are inside the evaluator.

Every value but text is a number, and a number that is not one (NaN) is missing:

- boolean: 1 and 0
- date: days since 1970-01-01; dateTime: seconds since 1970-01-01T00:00; time: seconds since midnight
- dateDaysSince[Y], dateTimeSecondsSince[Y]: days or seconds since the first day of year Y; timeSeconds: seconds
- integer, float, double: themselves; a float is held in single precision, so its arithmetic is too

Standard: "Data Dictionary", attribute dataType, PMML 4.4.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from functools import lru_cache

from headrace.errors import ModelFormatError
from headrace.formats.pmml.xml import Element, malformed

_EPOCH = dt.date(1970, 1, 1)
_SINCE = re.compile(r"(dateDaysSince|dateTimeSecondsSince)\[(0|[0-9]{4})\]")
_DAYS_FROM_YEAR_0 = 719528
"""Days from 0000-01-01 of the proleptic Gregorian calendar to 1970-01-01; Python's calendar begins a year later."""

_PLAIN = {
    "string": "string",
    "integer": "int64",
    "float": "float",
    "double": "double",
    "boolean": "bool",
    "date": "date32",
    "time": "time32[s]",
    "dateTime": "timestamp[ms]",
    "timeSeconds": "int64",
}


@dataclass(frozen=True, slots=True)
class DataType:
    """One data type: its name, the Arrow alias of its outputs, and for the Since types the day their count starts."""

    name: str
    arrow: str
    origin: int = 0

    @property
    def is_text(self) -> bool:
        """Tell whether values are texts rather than numbers."""
        return self.name == "string"

    @property
    def is_float(self) -> bool:
        """Tell whether arithmetic is in single precision."""
        return self.name == "float"

    @property
    def is_whole(self) -> bool:
        """Tell whether values are counts: written without a fraction."""
        return self.arrow == "int64"

    @property
    def counts_days(self) -> bool:
        """Tell whether values are days."""
        return self.name == "date" or self.name.startswith("dateDays")

    @property
    def counts_seconds(self) -> bool:
        """Tell whether values are seconds since the start of some day."""
        return self.name == "dateTime" or self.name.startswith("dateTimeSeconds")

    def parse(self, text: str) -> float:
        """Read a value. Raises ``ValueError`` for what is not one of this type."""
        text = text.strip()
        if self.name == "boolean":
            return _parse_boolean(text)
        if self.arrow == "int64" or self.name in ("float", "double"):
            try:
                return self._check(float(text))
            except ValueError:
                if self.name in ("integer", "float", "double"):
                    return self._check(_parse_special(text))
        if self.counts_days:
            return float((dt.date.fromisoformat(text[:10]) - _EPOCH).days - self.origin)
        if self.counts_seconds:
            moment = dt.datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
            return (moment - dt.datetime(1970, 1, 1)).total_seconds() - self.origin * 86400
        return _seconds_of_day(dt.time.fromisoformat(text))

    def parse_any(self, text: str) -> float:
        """Read a number that stands beside values of this type: a limit or a mean need not be such a value itself."""
        try:
            return self.parse(text)
        except ValueError:
            return float(text)

    def _check(self, value: float) -> float:
        if self.arrow == "int64" and not value.is_integer():
            raise ValueError(f"{value!r} is not a whole number")
        return value

    def write(self, value: float) -> str:
        """Write a value as text, the way a document of the standard would."""
        if self.name == "boolean":
            return "true" if value else "false"
        if self.is_whole:
            return str(int(value))
        if self.name in ("date", "time", "dateTime"):
            return str(self.to_python(value)).replace(" ", "T")
        return _shortest_float(value) if self.is_float else repr(float(value))

    def to_python(self, value: float) -> object:
        """Turn a value into the Python object that a caller expects."""
        if self.name == "boolean":
            return bool(value)
        if self.is_whole:
            return int(value)
        if self.name == "date":
            return _EPOCH + dt.timedelta(days=int(value))
        if self.name == "dateTime":
            return dt.datetime(1970, 1, 1) + dt.timedelta(seconds=value)
        if self.name == "time":
            return (dt.datetime(1970, 1, 1) + dt.timedelta(seconds=value)).time()
        return float(value)


@lru_cache(maxsize=256)
def data_type(name: str) -> DataType:
    """Find a data type by the standard's name. Raises ``ModelFormatError`` for another name."""
    arrow = _PLAIN.get(name)
    if arrow is not None:
        return DataType(name, arrow)
    since = _SINCE.fullmatch(name)
    if since is None:
        raise ModelFormatError(f"dataType={name!r} is not a data type of PMML")
    year = int(since[2])
    origin = (dt.date(year, 1, 1) - _EPOCH).days if year else -_DAYS_FROM_YEAR_0
    return DataType(name, "int64", origin)


def read_type(element: Element, default: str | None = None) -> DataType:
    """Read the attribute dataType; without a default it must be there."""
    name = element.require("dataType") if default is None else element.get("dataType", default)
    try:
        return data_type(name)
    except ModelFormatError as error:
        raise malformed(element, str(error)) from None


ANY = DataType("any", "string")
"""No type of its own: a function's parameter takes the type of what it is given."""

STRING = data_type("string")
INTEGER = data_type("integer")
FLOAT = data_type("float")
DOUBLE = data_type("double")
BOOLEAN = data_type("boolean")


def _parse_boolean(text: str) -> float:
    lower = text.lower()
    if lower in ("true", "1", "1.0"):
        return 1.0
    if lower in ("false", "0", "0.0"):
        return 0.0
    raise ValueError(f"{text!r} is not a boolean")


def _parse_special(text: str) -> float:
    """Read the spellings of XML Schema and of booleans that Python's float does not know."""
    named = {"inf": math.inf, "-inf": -math.inf, "true": 1.0, "false": 0.0}.get(text.lower())
    if named is None:
        raise ValueError(f"{text!r} is not a number")
    return named


def _seconds_of_day(time: dt.time) -> float:
    return time.hour * 3600 + time.minute * 60 + time.second + time.microsecond / 1e6


def _shortest_float(value: float) -> str:
    import numpy as np

    return str(np.float32(value))
