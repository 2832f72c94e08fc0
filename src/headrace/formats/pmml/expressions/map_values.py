"""MapValues: a lookup in a table by one or more fields. Standard: "Transformations", MapValues, PMML 4.4."""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, cast, regroup
from headrace.formats.pmml.datatypes import read_type
from headrace.formats.pmml.scope import Compute, Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed


def read_table(element: Element) -> dict[str, list[str]]:
    """Return the columns of the InlineTable that an element holds."""
    if element.find("TableLocator") is not None:
        raise malformed(element, "a TableLocator names a table outside the document; put it inline")
    table = element.child("InlineTable").table or {}
    return {name: [str(value) for value in column] for name, column in table.items()}


def local_name(column: str) -> str:
    """Return a column's name without the prefix that some documents write before it."""
    return column.rpartition(":")[2]


def read_rows(element: Element, scope: Scope) -> tuple[list[Element], list[Field], list[list[str]], list[str]]:
    """Read the FieldColumnPairs, with the field and the table's column of each, and the column of results."""
    table = read_table(element)
    results = _column(element, table, element.require("outputColumn"))
    pairs = element.find_all("FieldColumnPair")
    if not pairs:
        raise malformed(element, "it holds no FieldColumnPair")
    fields = [scope.field(pair.require("field"), pair) for pair in pairs]
    return pairs, fields, [_column(pair, table, pair.require("column")) for pair in pairs], results


def compile_expression(element: Element, scope: Scope) -> Compute:
    """Compile a MapValues: the first row of the table that matches gives the result."""
    type = read_type(element, "string")
    pairs, fields, columns, results = read_rows(element, scope)
    keys = []
    for pair, field, column in zip(pairs, fields, columns, strict=True):
        keys.append([field.constant(pair, text) for text in column])
    lookup: dict[tuple[float, ...], int] = {}
    for row, key in enumerate(zip(*keys, strict=True)):
        lookup.setdefault(key, row)
    names = list(results)
    default, missing = -1, -1
    if "defaultValue" in element.attributes:
        default = len(names)
        names.append(element.get("defaultValue"))
    if "mapMissingTo" in element.attributes:
        missing = len(names)
        names.append(element.get("mapMissingTo"))

    def compute(context: Context) -> Column:
        stacked = np.stack([context.measures(field) for field in fields], axis=1)
        codes = _look_up(stacked, lookup, default)
        codes[np.isnan(stacked).any(axis=1)] = missing
        return cast(regroup(codes, names), type)

    return compute


def _look_up(
    keys: Floats, lookup: dict[tuple[float, ...], int], default: int
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    if keys.shape[1] == 1:
        distinct, inverse = np.unique(keys[:, 0], return_inverse=True)
        found = [lookup.get((key,), default) for key in distinct.tolist()]
    else:
        rows, inverse = np.unique(keys, axis=0, return_inverse=True)
        found = [lookup.get(tuple(key), default) for key in rows.tolist()]
    return np.array(found, dtype=np.int32)[inverse.reshape(-1)]


def _column(element: Element, table: dict[str, list[str]], name: str) -> list[str]:
    column = table.get(local_name(name))
    if column is None:
        raise malformed(element, f"the table has no column {name!r}")
    return column
