"""Expressions of one record: steps that give what ``expressions`` gives."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from typing import Any

from headrace.formats.pmml.datatypes import ANY, DOUBLE, STRING, data_type
from headrace.formats.pmml.dictionary import Interval, read_interval
from headrace.formats.pmml.expressions.compiler import Expression
from headrace.formats.pmml.expressions.map_values import read_rows
from headrace.formats.pmml.expressions.norms import OUTLIERS, read_knots
from headrace.formats.pmml.expressions.references import parse_value, read_constant
from headrace.formats.pmml.scalar.casts import find_cast, require_plain, round_single
from headrace.formats.pmml.scalar.functions import compile_apply
from headrace.formats.pmml.scalar.inputs import contains
from headrace.formats.pmml.scalar.plan import Plan, Term
from headrace.formats.pmml.scalar.ways import NoPlan, is_missing
from headrace.formats.pmml.scope import Field, Scope
from headrace.formats.pmml.xml import Element


def compile_expression(plan: Plan, expression: Expression) -> Term:
    """Compile an expression that was compiled for columns before."""
    return _compile(plan, expression.element, expression.scope)


def _compile(plan: Plan, element: Element, scope: Scope) -> Term:
    family = _FAMILIES.get(element.tag)
    if family is None:
        raise NoPlan(element.tag)
    return family(plan, element, scope)


def _apply(plan: Plan, element: Element, scope: Scope) -> Term:
    return compile_apply(plan, element, scope, _compile)


def _constant(plan: Plan, element: Element, scope: Scope) -> Term:
    if element.text in scope.parameters:
        raise NoPlan("a parameter")
    value, type = read_constant(element)
    require_plain(type)
    if type.is_text:
        return plan.add_constant(value, STRING)
    number = math.nan if value is None else float(value)
    return plan.add_constant(round_single(number) if type.is_float else number, type)


def _reference(plan: Plan, element: Element, scope: Scope) -> Term:
    field = scope.field(element.require("field"), element)
    term = plan.find_field(field)
    replacement = element.attributes.get("mapMissingTo")
    if replacement is None:
        return term
    value, type = parse_value(element, replacement, field.type)
    convert = find_cast(type, term.type)
    known: Any = value if convert is None else convert(value)
    if term.type.is_float:
        known = round_single(known)
    return Term(plan.add_step(partial(_replace_missing, replacement=known), [term.place]), term.type)


def _replace_missing(value: Any, replacement: Any) -> Any:
    return replacement if is_missing(value) else value


def find_number(plan: Plan, field: Field) -> int:
    """Return the place of a field's number; a text that is not a number is missing."""
    term = plan.find_field(field)
    return plan.cast(term, DOUBLE).place if term.type.is_text else term.place


def find_measure(plan: Plan, field: Field) -> int:
    """Return the place of what is compared with the model's constants: the text itself, or the number."""
    if field.type is ANY:
        raise NoPlan(f"the field {field.name!r} of no type")
    return plan.cast(plan.find_field(field), STRING).place if field.is_coded else find_number(plan, field)


def read_measure(field: Field, element: Element, text: str) -> float | str:
    """Return a constant of the model as what ``find_measure`` is compared with."""
    return text if field.is_coded else field.constant(element, text)


def _norm_continuous(plan: Plan, element: Element, scope: Scope) -> Term:
    origins, norms = read_knots(element)
    outliers = element.choice("outliers", OUTLIERS, "asIs")
    replacement = element.number("mapMissingTo", math.nan)
    compute = make_interpolation(origins.tolist(), norms.tolist(), outliers, replacement)
    place = find_number(plan, scope.field(element.require("field"), element))
    return Term(plan.add_step(compute, [place]), DOUBLE)


def make_interpolation(
    origins: list[float], norms: list[float], outliers: str, replacement: float
) -> Callable[[float], float]:
    """Return what maps a number along the line through the points, as ``norms.interpolate`` does."""
    first, last = origins[0], origins[-1]
    pieces = list(zip(origins, origins[1:], norms, norms[1:], strict=False))
    limits = origins[1:-1]

    def interpolate(value: float) -> float:
        if first <= value <= last or outliers == "asIs":
            start, end, low, high = pieces[bisect_right(limits, value)]
            return low + (value - start) / (end - start) * (high - low)
        if math.isnan(value):
            return replacement
        if outliers == "asMissingValues":
            return math.nan
        return norms[0] if value < first else norms[-1]

    def replace(value: float) -> float:
        return replacement if math.isnan(value) else interpolate(value)

    return replace


def _norm_discrete(plan: Plan, element: Element, scope: Scope) -> Term:
    field = scope.field(element.require("field"), element)
    wanted = read_measure(field, element, element.require("value"))
    replacement = element.number("mapMissingTo", math.nan)

    def indicate(value: Any) -> float:
        if value == wanted:
            return 1.0
        return replacement if is_missing(value) else 0.0

    return Term(
        plan.add_step(indicate, [find_measure(plan, field)], ("NormDiscrete", wanted, repr(replacement))), DOUBLE
    )


def _discretize(plan: Plan, element: Element, scope: Scope) -> Term:
    type = require_plain(data_type(element.get("dataType", "string")))
    convert = find_cast(STRING, type) or (lambda text: text)
    field = scope.field(element.require("field"), element)
    bins: list[tuple[Interval, Any]] = [
        (read_interval(child.child("Interval"), field.type), convert(child.require("binValue")))
        for child in element.find_all("DiscretizeBin")
    ]
    default = convert(element.attributes.get("defaultValue"))
    missing = convert(element.attributes.get("mapMissingTo"))

    def find_bin(value: float) -> Any:
        if math.isnan(value):
            return missing
        return next((result for interval, result in bins if contains(interval, value)), default)

    return Term(plan.add_step(find_bin, [find_number(plan, field)]), type)


def _map_values(plan: Plan, element: Element, scope: Scope) -> Term:
    type = require_plain(data_type(element.get("dataType", "string")))
    convert = find_cast(STRING, type) or (lambda text: text)
    pairs, fields, columns, results = read_rows(element, scope)
    keys = [
        [read_measure(field, pair, text) for text in column]
        for pair, field, column in zip(pairs, fields, columns, strict=True)
    ]
    lookup: dict[tuple[Any, ...], Any] = {}
    for key, result in zip(zip(*keys, strict=True), results, strict=True):
        lookup.setdefault(key, convert(result))
    default = convert(element.attributes.get("defaultValue"))
    missing = convert(element.attributes.get("mapMissingTo"))

    def look_up(*key: Any) -> Any:
        if any(is_missing(value) for value in key):
            return missing
        return lookup.get(key, default)

    return Term(plan.add_step(look_up, [find_measure(plan, field) for field in fields]), type)


_FAMILIES: dict[str, Callable[[Plan, Element, Scope], Term]] = {
    "Constant": _constant,
    "FieldRef": _reference,
    "NormContinuous": _norm_continuous,
    "NormDiscrete": _norm_discrete,
    "Discretize": _discretize,
    "MapValues": _map_values,
    "Apply": _apply,
}
