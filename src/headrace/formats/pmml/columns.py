"""A batch's values in columns: numbers, or codes into a list of texts.

Rules: a missing number is NaN, a missing text has the code -1. A column is never changed once it is made. Texts are
compared once per distinct text of a column, not once per row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.datatypes import ANY, BOOLEAN, DOUBLE, FLOAT, STRING, DataType

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


class Numbers:
    """Numbers of one data type: float64, or float32 for the type float."""

    __slots__ = ("type", "values")

    def __init__(self, values: npt.NDArray[np.floating[Any]], type: DataType = DOUBLE) -> None:
        self.values = values
        self.type = type

    def __len__(self) -> int:
        return len(self.values)

    def missing(self) -> Bools:
        """Tell for each row whether its value is missing."""
        absent: Bools = np.isnan(self.values)
        return absent

    def take(self, rows: Rows) -> Numbers:
        """Return the values of these rows."""
        return Numbers(self.values[rows], self.type)

    def place(self, rows: Rows, size: int) -> Numbers:
        """Spread the values over a column of ``size`` rows; the others are missing."""
        values = np.full(size, np.nan, dtype=self.values.dtype)
        values[rows] = self.values
        return Numbers(values, self.type)


class Texts:
    """Texts as codes into ``categories``; a category may occur in no row."""

    __slots__ = ("categories", "codes")

    type = STRING

    def __init__(self, codes: Codes, categories: Sequence[str]) -> None:
        self.codes = codes
        self.categories = categories

    def __len__(self) -> int:
        return len(self.codes)

    def missing(self) -> Bools:
        """Tell for each row whether its value is missing."""
        return self.codes < 0

    def take(self, rows: Rows) -> Texts:
        """Return the values of these rows."""
        return Texts(self.codes[rows], self.categories)

    def place(self, rows: Rows, size: int) -> Texts:
        """Spread the values over a column of ``size`` rows; the others are missing."""
        codes = np.full(size, -1, dtype=np.int32)
        codes[rows] = self.codes
        return Texts(codes, self.categories)

    def map(self, function: Callable[[str], str]) -> Texts:
        """Apply a function to each distinct text."""
        return regroup(self.codes, [function(category) for category in self.categories])

    def measure(self, function: Callable[[str], float], type: DataType = DOUBLE) -> Numbers:
        """Apply a numeric function to each distinct text; missing stays missing."""
        table = np.array([function(category) for category in self.categories] + [np.nan], dtype=np.float64)
        return Numbers(table[self.codes], type)

    def to_list(self) -> list[str | None]:
        """Return the texts row by row."""
        table = [*self.categories, None]
        return [table[code] for code in self.codes.tolist()]


Column = Numbers | Texts


def regroup(codes: Codes, names: Sequence[str]) -> Texts:
    """Make a column from codes into names among which some may be equal."""
    index: dict[str, int] = {}
    table = np.array([index.setdefault(name, len(index)) for name in names] + [-1], dtype=np.int32)
    return Texts(table[codes], list(index))


def encode_texts(values: Iterable[str | None]) -> Texts:
    """Make a column from Python texts."""
    index: dict[str, int] = {}
    codes = [-1 if value is None else index.setdefault(value, len(index)) for value in values]
    return Texts(np.array(codes, dtype=np.int32), list(index))


def encode_booleans(true: Bools, missing: Bools | None = None) -> Numbers:
    """Make a column of booleans."""
    values = true.astype(np.float64)
    if missing is not None:
        values[missing] = np.nan
    return Numbers(values, BOOLEAN)


def constant(value: float | str | None, size: int, type: DataType = DOUBLE) -> Column:
    """Make a column of one value."""
    if type.is_text or isinstance(value, str):
        if value is None:
            return Texts(np.full(size, -1, dtype=np.int32), [])
        return Texts(np.zeros(size, dtype=np.int32), [str(value)])
    dtype = np.float32 if type.is_float else np.float64
    return Numbers(np.full(size, np.nan if value is None else value, dtype=dtype), type)


def cast(column: Column, type: DataType) -> Column:
    """Convert a column to a data type; what cannot be converted is missing."""
    if type is ANY or column.type is type:
        return column
    if isinstance(column, Texts):
        if type.is_text:
            return column
        parsed = column.measure(lambda text: parse_or_nan(text, type), type)
        return _to_float(parsed) if type.is_float else parsed
    if type.is_text:
        return write_texts(column)
    values = column.values
    if type.is_whole and not column.type.is_whole:
        moment = type.name == "timeSeconds" and column.type.counts_seconds
        values = np.trunc(np.mod(column.values, 86400.0) if moment else _between_dates(column, type))
    elif type.name == "boolean":
        values = np.where(np.isnan(values), np.nan, values != 0)
    elif type.name in ("date", "dateTime"):
        values = _between_dates(column, type)
    elif type.name == "time" and column.type.counts_seconds:
        values = np.mod(column.values, 86400.0)
    elif type.is_float:
        return _to_float(column)
    return Numbers(values.astype(np.float64, copy=False), type)


def write_texts(column: Numbers) -> Texts:
    """Write numbers as texts, each distinct one once."""
    distinct, codes = np.unique(column.values, return_inverse=True)
    names = [column.type.write(value) for value in distinct[~np.isnan(distinct)].tolist()]
    codes = codes.astype(np.int32)
    codes[codes >= len(names)] = -1
    return Texts(codes, names)


def parse_or_nan(text: str, type: DataType) -> float:
    """Read a value; NaN for what is not one of the type."""
    try:
        return type.parse(text)
    except ValueError:
        return float("nan")


def split_values(text: str) -> list[str]:
    """Return the values that a text stands for: those of a JSON array, or the text itself."""
    if not text.startswith("["):
        return [text]
    try:
        values = json.loads(text)
    except ValueError:
        return [text]
    return [value if isinstance(value, str) else json.dumps(value) for value in values if value is not None]


def _to_float(column: Numbers) -> Numbers:
    with np.errstate(over="ignore"):
        return Numbers(column.values.astype(np.float32), FLOAT)


def _between_dates(column: Numbers, type: DataType) -> Floats:
    """Convert between the types that count days and those that count seconds."""
    values: Floats = column.values.astype(np.float64, copy=False)
    source = column.type
    shift = float(source.origin - type.origin)
    if source.counts_days and type.counts_days:
        values = values + shift
    elif source.counts_seconds and type.counts_seconds:
        values = values + shift * 86400.0
    elif source.counts_seconds and type.counts_days:
        values = np.floor(values / 86400.0) + shift
    elif source.counts_days and type.counts_seconds:
        values = (values + shift) * 86400.0
    return values


def put(column: Column, rows: Bools, other: Column) -> Column:
    """Return the column with the values of ``other`` where ``rows`` holds."""
    if isinstance(column, Numbers):
        replaced = cast(other, column.type)
        assert isinstance(replaced, Numbers)
        return Numbers(np.where(rows, replaced.values, column.values), column.type)
    replacement = cast(other, STRING)
    assert isinstance(replacement, Texts)
    if list(replacement.categories) == list(column.categories):
        return Texts(np.where(rows, replacement.codes, column.codes).astype(np.int32), column.categories)
    shifted = np.where(replacement.codes < 0, -1, replacement.codes + len(column.categories))
    return regroup(
        np.where(rows, shifted, column.codes).astype(np.int32), [*column.categories, *replacement.categories]
    )
