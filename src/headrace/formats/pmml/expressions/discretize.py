"""Discretize: numbers to the value of the bin that holds them. Standard: "Transformations", Discretize, PMML 4.4."""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Column, Texts, cast, regroup
from headrace.formats.pmml.datatypes import read_type
from headrace.formats.pmml.dictionary import read_interval
from headrace.formats.pmml.scope import Compute, Context, Scope
from headrace.formats.pmml.xml import Element


def compile_expression(element: Element, scope: Scope) -> Compute:
    """Compile a Discretize. The first bin that holds a value gives its result."""
    field = scope.field(element.require("field"), element)
    type = read_type(element, "string")
    names: list[str] = []
    bins = []
    for child in element.find_all("DiscretizeBin"):
        bins.append((read_interval(child.child("Interval"), field.type), len(names)))
        names.append(child.require("binValue"))
    default = _name_code(names, element.attributes.get("defaultValue"))
    missing = _name_code(names, element.attributes.get("mapMissingTo"))

    def compute(context: Context) -> Column:
        values = context.numbers(field)
        codes = np.full(context.size, default, dtype=np.int32)
        for interval, code in reversed(bins):
            codes[interval.contains(values)] = code
        codes[np.isnan(values)] = missing
        column: Texts = regroup(codes, names)
        return cast(column, type)

    return compute


def _name_code(names: list[str], value: str | None) -> int:
    if value is None:
        return -1
    names.append(value)
    return len(names) - 1
