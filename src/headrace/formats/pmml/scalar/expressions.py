"""Expressions of one record: steps that give what ``expressions`` gives."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

from headrace.formats.pmml.datatypes import ANY, DOUBLE, STRING, data_type
from headrace.formats.pmml.dictionary import Interval, read_interval
from headrace.formats.pmml.expressions.compiler import Expression
from headrace.formats.pmml.expressions.map_values import read_rows
from headrace.formats.pmml.expressions.norms import OUTLIERS, read_knots
from headrace.formats.pmml.expressions.references import parse_value, read_constant
from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.scalar import program
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
    form = None if term.type.is_text else program.compute(programs.REPLACE, (known, 0.0))
    return Term(plan.add_step(partial(_replace_missing, replacement=known), [term.place], form=form), term.type)


def _replace_missing(value: Any, replacement: Any) -> Any:
    return replacement if is_missing(value) else value


def find_number(plan: Plan, field: Field) -> int:
    """Return the place of a field's number; a text that is not a number is missing."""
    term = plan.find_field(field)
    return plan.cast(term, DOUBLE).place if term.type.is_text else term.place


def find_measure(plan: Plan, field: Field) -> int:
    """Return the place of what is compared with ``field.constant``: the number, or the code of a text."""
    if field.type is ANY:
        raise NoPlan(f"the field {field.name!r} of no type")
    return find_code(plan, field, plan.find_field(field)) if field.is_coded else find_number(plan, field)


def find_code(plan: Plan, field: Field, term: Term) -> int:
    """Return the place of a text's code, as in ``Context.measures``."""
    codes: dict[str | None, float] = {text: float(code) for text, code in field.vocabulary.codes.items()}
    codes[None] = math.nan
    return plan.add_step(Encoder(codes, float(len(field.vocabulary))), [term.place], ("code", field))


class Encoder:
    """Gives a text's code, NaN for a missing one."""

    def __init__(self, codes: dict[str | None, float], other: float) -> None:
        self.codes = codes
        self._other = other

    def __call__(self, text: str | None) -> float:
        """Return the code of a text."""
        return self.codes.get(text, self._other)


def _norm_continuous(plan: Plan, element: Element, scope: Scope) -> Term:
    origins, norms = read_knots(element)
    outliers = element.choice("outliers", OUTLIERS, "asIs")
    replacement = element.number("mapMissingTo", math.nan)
    compute = make_interpolation(origins.tolist(), norms.tolist(), outliers, replacement)
    place = find_number(plan, scope.field(element.require("field"), element))
    form = interpolate(origins.tolist(), norms.tolist(), outliers, replacement)
    return Term(plan.add_step(compute, [place], form=form), DOUBLE)


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


def interpolate(origins: list[float], norms: list[float], outliers: str, replacement: float) -> program.Form:
    """Return the form of ``make_interpolation``."""
    beyond = {"asIs": 0.0, "asMissingValues": 1.0, "asExtremeValues": 2.0}[outliers]
    return program.compute(programs.INTERPOLATE, (replacement, beyond, len(origins), *origins, *norms))


def _norm_discrete(plan: Plan, element: Element, scope: Scope) -> Term:
    field = scope.field(element.require("field"), element)
    wanted = field.constant(element, element.require("value"))
    replacement = element.number("mapMissingTo", math.nan)

    def indicate(value: Any) -> float:
        if value == wanted:
            return 1.0
        return replacement if is_missing(value) else 0.0

    form = program.compute(programs.LOOK_UP, (replacement, 0.0, 1, wanted, 1.0))
    key = ("NormDiscrete", wanted, repr(replacement))
    return Term(plan.add_step(indicate, [find_measure(plan, field)], key, form=form), DOUBLE)


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

    limits = [(result, one.low, one.high, float(one.low_closed), float(one.high_closed)) for one, result in bins]
    table = (missing, default, len(bins), *chain.from_iterable(limits))
    form = None if type.is_text else program.compute(programs.DISCRETIZE, table)
    return Term(plan.add_step(find_bin, [find_number(plan, field)], form=form), type)


def _map_values(plan: Plan, element: Element, scope: Scope) -> Term:
    type = require_plain(data_type(element.get("dataType", "string")))
    convert = find_cast(STRING, type) or (lambda text: text)
    pairs, fields, columns, results = read_rows(element, scope)
    keys = [
        [field.constant(pair, text) for text in column]
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

    form = None
    if len(fields) == 1 and len(lookup) <= _MAX_PAIRS and not type.is_text:
        pairs_flat = chain.from_iterable((*key, result) for key, result in lookup.items())
        form = program.compute(programs.LOOK_UP, (missing, default, len(lookup), *pairs_flat))
    return Term(plan.add_step(look_up, [find_measure(plan, field) for field in fields], form=form), type)


_MAX_PAIRS = 200
"""Longer tables are quicker in Python, by their hashes."""

_FAMILIES: dict[str, Callable[[Plan, Element, Scope], Term]] = {
    "Constant": _constant,
    "FieldRef": _reference,
    "NormContinuous": _norm_continuous,
    "NormDiscrete": _norm_discrete,
    "Discretize": _discretize,
    "MapValues": _map_values,
    "Apply": _apply,
}
