"""NormContinuous and NormDiscrete. Standard: "Transformations", Normalization, PMML 4.4."""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, Numbers
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.scope import Compute, Context, Scope
from headrace.formats.pmml.xml import Element, malformed

OUTLIERS = frozenset({"asIs", "asMissingValues", "asExtremeValues"})


def compile_expression(element: Element, scope: Scope) -> Compute:
    """Compile a NormContinuous or a NormDiscrete."""
    return _compile_discrete(element, scope) if element.tag == "NormDiscrete" else _compile_continuous(element, scope)


def read_knots(element: Element) -> tuple[Floats, Floats]:
    """Read the LinearNorm points, at least two, with ``orig`` rising strictly."""
    points = [(child.number("orig"), child.number("norm")) for child in element.find_all("LinearNorm")]
    origins = np.array([point[0] for point in points])
    if len(points) < 2 or not bool(np.all(np.diff(origins) > 0)):
        raise malformed(element, "it needs two or more LinearNorm whose orig rise strictly")
    return origins, np.array([point[1] for point in points])


def interpolate(values: Floats, origins: Floats, norms: Floats, outliers: str) -> Floats:
    """Map values along the line through the points; what lies outside goes on along the outer pieces (asIs)."""
    piece = np.clip(np.searchsorted(origins, values, side="right") - 1, 0, len(origins) - 2)
    start, end = origins[piece], origins[piece + 1]
    low, high = norms[piece], norms[piece + 1]
    mapped: Floats = low + (values - start) / (end - start) * (high - low)
    below, above = values < origins[0], values > origins[-1]
    if outliers == "asMissingValues":
        mapped = np.where(below | above, np.nan, mapped)
    elif outliers == "asExtremeValues":
        mapped = np.where(below, norms[0], np.where(above, norms[-1], mapped))
    return mapped


def _compile_continuous(element: Element, scope: Scope) -> Compute:
    field = scope.field(element.require("field"), element)
    origins, norms = read_knots(element)
    outliers = element.choice("outliers", OUTLIERS, "asIs")
    replacement = element.number("mapMissingTo", np.nan)

    def compute(context: Context) -> Column:
        values = context.numbers(field)
        mapped = interpolate(values, origins, norms, outliers)
        return Numbers(np.where(np.isnan(values), replacement, mapped), DOUBLE)

    return compute


def _compile_discrete(element: Element, scope: Scope) -> Compute:
    field = scope.field(element.require("field"), element)
    value = field.constant(element, element.require("value"))
    replacement = element.number("mapMissingTo", np.nan)

    def compute(context: Context) -> Column:
        values = context.measures(field)
        return Numbers(np.where(np.isnan(values), replacement, (values == value).astype(np.float64)), DOUBLE)

    return compute
