"""Aggregate: one value of the many that a record holds of a field.

A record is a group: its field holds a list, or a text that is a JSON array. Rows of a table that share the value of
``groupField`` are one record (``abc.model.Shaping``). A single value is a list of one; absent values are left out, and
of no values all but the count (0) and the multiset (empty) is missing.

A multiset comes out as a text that is a JSON array. ``sqlWhere`` holds a condition in SQL and is refused. Standard:
"Transformations", Aggregate, PMML 4.4.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from headrace.formats.pmml.columns import Column, parse_or_nan, split_values
from headrace.formats.pmml.datatypes import DOUBLE, INTEGER, STRING, DataType
from headrace.formats.pmml.expressions.functions.texts import as_texts
from headrace.formats.pmml.scope import Compute, Context, Scope
from headrace.formats.pmml.xml import Element, malformed, unsupported

REDUCTIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "average": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
}
FUNCTIONS = frozenset({"count", "multiset", *REDUCTIONS})


def compile_expression(element: Element, scope: Scope) -> Compute:
    """Compile an Aggregate."""
    if "sqlWhere" in element.attributes:
        raise unsupported(element, "a condition in SQL (sqlWhere) is not evaluated")
    function = element.choice("function", FUNCTIONS, "")
    field = scope.field(element.require("field"), element)
    data_field = scope.dictionary.fields.get(field.name)
    if data_field is None or field.vocabulary is not data_field.vocabulary:
        raise unsupported(element, f"the field {field.name!r} is derived; only fields of the dictionary hold lists")
    if function in REDUCTIONS and field.type.is_text:
        raise malformed(element, f"the text field {field.name!r} has no {function}")
    group = element.attributes.get("groupField")
    if group is not None:
        scope.field(group, element)
        if {*scope.groups, group} != {group}:
            raise unsupported(element, f"records are grouped by {scope.groups[0]!r} elsewhere")
        scope.groups[:] = [group]
    field.is_list = True
    source, reduce = field.type, REDUCTIONS.get(function)

    def compute(context: Context) -> Column:
        texts = as_texts(context.column(field))
        if function == "multiset":
            return texts.map(lambda text: json.dumps(split_values(text), ensure_ascii=False))
        if reduce is None:
            return texts.measure(lambda text: len(split_values(text)), INTEGER)
        return texts.measure(lambda text: _reduce(reduce, split_values(text), source), _find_type(function, source))

    return compute


def _find_type(function: str, source: DataType) -> DataType:
    return DOUBLE if function == "average" or source is STRING else source


def _reduce(reduce: Callable[[list[float]], float], texts: list[str], type: DataType) -> float:
    values = [parse_or_nan(text, type) for text in texts]
    return reduce(values) if values and not any(math.isnan(value) for value in values) else math.nan
