"""Built-in functions of one record's values: what ``expressions.functions`` gives.

Arithmetic that IEEE 754 settles is Python's; any other function is NumPy's, since two libraries may round differently.
Single precision, and texts that meet numbers, have no scalar form.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from headrace.formats.pmml.datatypes import BOOLEAN, DOUBLE, INTEGER, STRING, DataType
from headrace.formats.pmml.expressions.compiler import FAMILIES
from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.scalar import program
from headrace.formats.pmml.scalar.casts import find_cast
from headrace.formats.pmml.scalar.plan import Compute, Plan, Term
from headrace.formats.pmml.scalar.ways import NoPlan, Unsettled, is_missing
from headrace.formats.pmml.scope import Scope
from headrace.formats.pmml.xml import Element

CompileAny = Callable[[Plan, Element, Scope], Term]


def compile_apply(plan: Plan, element: Element, scope: Scope, compile_any: CompileAny) -> Term:
    """Compile an Apply of a built-in function."""
    name = element.require("function")
    if name in scope.functions:
        raise NoPlan(f"the defined function {name}")
    arguments = [compile_any(plan, child, scope) for child in element.children if child.tag in FAMILIES]
    result = _compile_call(plan, name, arguments)
    attributes = element.attributes
    if "mapMissingTo" not in attributes and "defaultValue" not in attributes:
        return result
    strict = name in _ARITHMETIC or name in _COMPARISONS or name == "not"
    watched = arguments if strict else arguments[:1]
    replacement, default = (_read_text(attributes.get(key), result.type) for key in ("mapMissingTo", "defaultValue"))

    def apply(value: Any, *watched: Any) -> Any:
        if not is_missing(value):
            return value
        return replacement if any(map(is_missing, watched)) else default

    form = None if result.type.is_text else program.compute(programs.DEFAULT, (replacement, default))
    return Term(plan.add_step(apply, [result.place, *(term.place for term in watched)], form=form), result.type)


def _read_text(text: str | None, type: DataType) -> Any:
    """Return a text of the model as a value of a type; missing where there is none."""
    convert = find_cast(STRING, type)
    return text if convert is None else convert(text)


def _compile_call(plan: Plan, name: str, arguments: list[Term]) -> Term:
    places = [term.place for term in arguments]
    if name in _ARITHMETIC or name in _AGGREGATES:
        function = _ARITHMETIC.get(name) or _AGGREGATES[name]
        terms = [plan.cast(term, DOUBLE) if term.type.is_text else term for term in arguments]
        types = {term.type.name for term in terms}
        if "float" in types and types <= {"float", "integer"}:
            raise NoPlan("arithmetic in single precision")
        whole = all(term.type.is_whole for term in terms)
        type = function.type or (INTEGER if whole and function.keeps_whole else DOUBLE)
        return Term(plan.add_step(function.compute, [term.place for term in terms], form=_FORMS.get(name)), type)
    if name in _COMPARISONS:
        left, right = arguments
        if left.type.is_text != right.type.is_text or (left.type.is_text and name not in ("equal", "notEqual")):
            raise NoPlan(f"{name} of texts")
        form = None if left.type.is_text else _FORMS[name]
        return Term(plan.add_step(partial(_compare, _COMPARISONS[name]), places, name, form=form), BOOLEAN)
    if name in _LOGIC:
        truths = [plan.cast(term, BOOLEAN).place for term in arguments]
        return Term(plan.add_step(_LOGIC[name], truths, form=_FORMS[name]), BOOLEAN)
    if name in ("isMissing", "isNotMissing"):
        wanted = name == "isMissing"
        form = None if arguments[0].type.is_text else _FORMS[name]
        return Term(plan.add_step(lambda value: float(is_missing(value) == wanted), places, name, form=form), BOOLEAN)
    if name == "if":
        chosen, *others = arguments[1:]
        if any(other.type is not chosen.type for other in others):
            raise NoPlan("a choice between types")
        condition = plan.cast(arguments[0], BOOLEAN)
        blank = None if chosen.type.is_text else math.nan
        form = None if chosen.type.is_text else _FORMS[name]
        place = plan.add_step(partial(_choose, blank), [condition.place, *places[1:]], ("if", repr(blank)), form=form)
        return Term(place, chosen.type)
    raise NoPlan(f"the function {name}")


def _compare(test: Callable[[Any, Any], bool], left: Any, right: Any) -> float:
    return math.nan if is_missing(left) or is_missing(right) else float(test(left, right))


def _choose(blank: Any, condition: float, chosen: Any, other: Any = None) -> Any:
    if condition == 1.0:
        return chosen
    return other if condition == 0.0 and other is not None else blank


def _all(*truths: float) -> float:
    if 0.0 in truths:
        return 0.0
    return math.nan if any(map(math.isnan, truths)) else 1.0


def _any(*truths: float) -> float:
    if 1.0 in truths:
        return 1.0
    return math.nan if any(map(math.isnan, truths)) else 0.0


class _Function(NamedTuple):
    """A function of numbers; ``keeps_whole``: integers in, integer out; ``type``: its own type of result."""

    compute: Compute
    keeps_whole: bool = False
    type: DataType | None = None


def _by_numpy(function: Callable[..., Any]) -> Compute:
    def compute(*values: float) -> float:
        with np.errstate(all="ignore"):
            return float(function(*values))

    return compute


def exp(value: float) -> float:
    """Return NumPy's exponential where it stays in range."""
    if -700.0 < value < 700.0:
        return float(np.exp(value))
    if math.isnan(value):
        return value
    raise Unsettled


def _sqrt(value: float) -> float:
    return math.sqrt(value) if value >= 0.0 else math.nan


def _sum(*values: float) -> float:
    """Add up in order; missing values are left out."""
    total, count = 0.0, 0
    for value in values:
        if value == value:  # noqa: PLR0124 (not a number)
            total += value
            count += 1
    return total if count else math.nan


def _mean(*values: float) -> float:
    count = sum(1 for value in values if not math.isnan(value))
    return _sum(*values) / count if count else math.nan


def _round(value: float) -> float:
    return float(np.floor(value + 0.5))


_ARITHMETIC: dict[str, _Function] = {
    "+": _Function(operator.add, True),
    "-": _Function(operator.sub, True),
    "*": _Function(operator.mul, True),
    "/": _Function(operator.truediv),
    "modulo": _Function(_by_numpy(np.mod), True),
    "pow": _Function(_by_numpy(np.power)),
    "abs": _Function(abs, True),
    "sqrt": _Function(_sqrt),
    "exp": _Function(exp),
    "ln": _Function(_by_numpy(np.log)),
    "ln1p": _Function(_by_numpy(np.log1p)),
    "log10": _Function(_by_numpy(np.log10)),
    "expm1": _Function(_by_numpy(np.expm1)),
    "tanh": _Function(_by_numpy(np.tanh)),
    "floor": _Function(lambda value: float(np.floor(value)), type=INTEGER),
    "ceil": _Function(lambda value: float(np.ceil(value)), type=INTEGER),
    "round": _Function(_round, type=INTEGER),
}
_AGGREGATES: dict[str, _Function] = {
    "sum": _Function(_sum, True),
    "avg": _Function(_mean),
    "min": _Function(lambda *values: float(np.fmin.reduce(values)), True),
    "max": _Function(lambda *values: float(np.fmax.reduce(values)), True),
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equal": operator.eq,
    "notEqual": operator.ne,
    "lessThan": operator.lt,
    "lessOrEqual": operator.le,
    "greaterThan": operator.gt,
    "greaterOrEqual": operator.ge,
}
_LOGIC: dict[str, Compute] = {"and": _all, "or": _any, "not": lambda truth: 1.0 - truth}
_FORMS: dict[str, program.Form] = {
    name: program.compute(operation)
    for name, operation in {
        "+": programs.ADD,
        "-": programs.SUBTRACT,
        "*": programs.MULTIPLY,
        "/": programs.DIVIDE,
        "abs": programs.ABS,
        "sqrt": programs.SQRT,
        "floor": programs.FLOOR,
        "ceil": programs.CEIL,
        "round": programs.ROUND,
        "sum": programs.SUM,
        "avg": programs.MEAN,
        "equal": programs.EQUAL,
        "notEqual": programs.NOT_EQUAL,
        "lessThan": programs.LESS,
        "lessOrEqual": programs.LESS_OR_EQUAL,
        "greaterThan": programs.GREATER,
        "greaterOrEqual": programs.GREATER_OR_EQUAL,
        "and": programs.ALL,
        "or": programs.ANY,
        "not": programs.NOT,
        "if": programs.CHOOSE,
        "isMissing": programs.IS_MISSING,
        "isNotMissing": programs.IS_PRESENT,
    }.items()
} | {"exp": program.make_exponential}
