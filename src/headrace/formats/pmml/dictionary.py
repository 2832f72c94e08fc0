"""The DataDictionary: which values a field may hold.

A value is missing, invalid or valid. Where a field declares valid values or intervals, any other value is invalid; a
value declared invalid always is. Standard: "Data Dictionary", PMML 4.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from headrace.formats.pmml.columns import Bools, Column, Numbers, Texts
from headrace.formats.pmml.datatypes import DOUBLE, DataType, read_type
from headrace.formats.pmml.vocabulary import Vocabulary
from headrace.formats.pmml.xml import Element, malformed

if TYPE_CHECKING:
    from headrace.formats.pmml.columns import Floats

OPTYPES = frozenset({"categorical", "ordinal", "continuous"})
CLOSURES = frozenset({"openOpen", "openClosed", "closedOpen", "closedClosed"})


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of numbers; each end may belong to it or not."""

    low: float
    high: float
    low_closed: bool
    high_closed: bool

    def contains(self, values: Floats) -> Bools:
        """Tell for each value whether it lies in the interval."""
        above = values >= self.low if self.low_closed else values > self.low
        below = values <= self.high if self.high_closed else values < self.high
        return above & below


def read_interval(element: Element, type: DataType = DOUBLE) -> Interval:
    """Read an Interval element, its margins numbers or values of ``type``; an absent margin is infinite."""
    closure = element.choice("closure", CLOSURES, "closedClosed")
    low = _read_margin(element, "leftMargin", -math.inf, type)
    high = _read_margin(element, "rightMargin", math.inf, type)
    if low > high:
        raise malformed(element, f"leftMargin {low!r} lies above rightMargin {high!r}")
    return Interval(low, high, closure.startswith("closed"), closure.endswith("Closed"))


def _read_margin(element: Element, name: str, default: float, type: DataType) -> float:
    text = element.attributes.get(name)
    if text is None:
        return default
    try:
        margin = type.parse_any(text)
    except ValueError:
        raise malformed(element, f"{name}={text!r} is neither a number nor a {type.name}") from None
    if math.isnan(margin):
        raise malformed(element, f"{name} is not a number")
    return margin


@dataclass(slots=True, eq=False)
class DataField:
    """One field of the dictionary."""

    name: str
    type: DataType
    optype: str
    element: Element
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    valid: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()
    invalid: frozenset[str] = frozenset()
    intervals: tuple[Interval, ...] = ()
    display: dict[str, str] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Tell whether the field takes every number as it is."""
        excludes = self.valid or self.invalid or self.intervals or self.missing
        return self.type.name in ("double", "float") and not excludes

    def numbers(self, texts: tuple[str, ...] | frozenset[str]) -> Floats:
        """Read declared values as numbers of the field's type; those that are none (as a missing "?") are left out."""
        values = []
        for text in sorted(texts):
            try:
                values.append(self.type.parse(text))
            except ValueError:
                continue
        array = np.array(values, dtype=np.float64)
        return array.astype(np.float32).astype(np.float64) if self.type.is_float else array

    def mark_missing(self, column: Column) -> Column:
        """Return the column with the values that the dictionary declares as missing made so."""
        if not self.missing:
            return column
        if isinstance(column, Texts):
            table = np.array([text in self.missing for text in column.categories] + [True])
            return Texts(np.where(table[column.codes], -1, column.codes).astype(np.int32), column.categories)
        markers = self.numbers(self.missing)
        return Numbers(np.where(np.isin(column.values, markers), np.nan, column.values), column.type)

    def find_invalid(self, column: Column) -> Bools | None:
        """Tell for each row whether its value is invalid; None where the dictionary excludes nothing."""
        if not (self.valid or self.invalid or self.intervals):
            return None
        if isinstance(column, Texts):
            valid = frozenset(self.valid)
            excluded = [text in self.invalid or (bool(valid) and text not in valid) for text in column.categories]
            found: Bools = np.array([*excluded, False])[column.codes]
            return found
        values = column.values.astype(np.float64, copy=False)
        wrong = np.isin(values, self.numbers(self.invalid))
        if self.valid or self.intervals:
            allowed = np.isin(values, self.numbers(self.valid))
            for interval in self.intervals:
                allowed |= interval.contains(values)
            wrong |= ~allowed
        return wrong & ~np.isnan(values)


class DataDictionary:
    """All fields of a document by name."""

    def __init__(self, fields: dict[str, DataField]) -> None:
        self.fields = fields

    def __contains__(self, name: str) -> bool:
        return name in self.fields


def read_dictionary(root: Element) -> DataDictionary:
    """Read the DataDictionary of a document."""
    element = root.child("DataDictionary")
    fields: dict[str, DataField] = {}
    for child in element.find_all("DataField"):
        entry = _read_field(child)
        if entry.name in fields:
            raise malformed(child, f"the field {entry.name!r} is declared twice")
        fields[entry.name] = entry
    return DataDictionary(fields)


def _read_field(element: Element) -> DataField:
    type = read_type(element, "string")
    optype = element.choice("optype", OPTYPES, "categorical" if type.is_text else "continuous")
    entry = DataField(element.require("name"), type, optype, element)
    groups: dict[str, list[str]] = {"valid": [], "missing": [], "invalid": []}
    for value in element.find_all("Value"):
        text = value.require("value")
        groups[value.choice("property", groups, "valid")].append(text)
        if "displayValue" in value.attributes:
            entry.display[text] = value.get("displayValue")
    entry.valid = tuple(groups["valid"])
    entry.missing, entry.invalid = frozenset(groups["missing"]), frozenset(groups["invalid"])
    entry.intervals = tuple(read_interval(child, type) for child in element.find_all("Interval"))
    if type.is_text:
        for text in entry.valid:
            entry.vocabulary.code(text)
    return entry
