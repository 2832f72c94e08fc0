"""Predicates: questions of a record with three answers, true, false and unknown (a value is missing).

A compiled predicate gives one number a row: 1, 0 or NaN. Simple tests are also offered as a ``Test``, which tree
kernels evaluate node by node. Standard: "Tree Model", Predicates, PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.reducers import array_texts
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed

Predicate = Callable[[Context], Floats]

OPERATORS: dict[str, Callable[[Floats, float], Floats]] = {
    "equal": np.equal,
    "notEqual": np.not_equal,
    "lessThan": np.less,
    "lessOrEqual": np.less_equal,
    "greaterThan": np.greater,
    "greaterOrEqual": np.greater_equal,
}
PREDICATES = frozenset({"SimplePredicate", "SimpleSetPredicate", "CompoundPredicate", "True", "False"})
_ORDER = ("lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual")
_COMPOUND = frozenset({"and", "or", "xor", "surrogate"})
_SET = frozenset({"isIn", "isNotIn"})


@dataclass(frozen=True, slots=True)
class Test:
    """A test of one field: an operator with a constant, or (isIn, isNotIn) with a set of constants."""

    field: Field
    operator: str
    value: float = 0.0
    members: tuple[float, ...] = ()


def find_predicate(element: Element) -> Element:
    """Return the predicate that an element holds."""
    for child in element.children:
        if child.tag in PREDICATES:
            return child
    raise malformed(element, f"it holds no predicate; those are {', '.join(sorted(PREDICATES))}")


def is_true(element: Element) -> bool:
    """Tell whether a predicate always holds."""
    return element.tag == "True"


def read_test(element: Element, scope: Scope) -> Test:
    """Read a SimplePredicate or a SimpleSetPredicate."""
    field = scope.field(element.require("field"), element)
    if element.tag == "SimpleSetPredicate":
        operator = element.choice("booleanOperator", _SET, "isIn")
        texts = array_texts(element.child("Array"))
        return Test(field, operator, members=tuple(field.constant(element, text) for text in texts))
    return make_test(element, field, element.require("operator"), element.attributes.get("value"))


def make_test(element: Element, field: Field, operator: str, value: str | None) -> Test:
    """Make the test of a simple predicate from its parts."""
    if operator in ("isMissing", "isNotMissing"):
        return Test(field, operator)
    if operator not in OPERATORS:
        raise malformed(
            element, f"operator={operator!r} is none of {', '.join([*OPERATORS, 'isMissing', 'isNotMissing'])}"
        )
    if value is None:
        raise malformed(element, f"the operator {operator!r} needs a value")
    if operator in _ORDER and field.type.is_text and not field.declared:
        raise malformed(element, f"the values of the text field {field.name!r} have no order for {operator!r}")
    return Test(field, operator, field.constant(element, value))


def evaluate_test(test: Test, context: Context) -> Floats:
    """Answer a test for each row: 1, 0, or NaN for unknown."""
    values = context.measures(test.field)
    missing = np.isnan(values)
    if test.operator == "isMissing":
        return missing.astype(np.float64)
    if test.operator == "isNotMissing":
        return (~missing).astype(np.float64)
    if test.operator in _SET:
        found = np.isin(values, np.array(test.members, dtype=np.float64))
        answer = found if test.operator == "isIn" else ~found
    else:
        answer = OPERATORS[test.operator](values, test.value).astype(np.bool_)
    return np.where(missing, np.nan, answer.astype(np.float64))


def compile_predicate(element: Element, scope: Scope) -> Predicate:
    """Compile a predicate element. Raises ``ModelFormatError`` with its line."""
    if element.tag == "True":
        return lambda context: np.ones(context.size)
    if element.tag == "False":
        return lambda context: np.zeros(context.size)
    if element.tag == "CompoundPredicate":
        return _compile_compound(element, scope)
    if element.tag not in PREDICATES:
        raise malformed(element, f"it is not a predicate; those are {', '.join(sorted(PREDICATES))}")
    test = read_test(element, scope)
    return lambda context: evaluate_test(test, context)


def _compile_compound(element: Element, scope: Scope) -> Predicate:
    operator = element.choice("booleanOperator", _COMPOUND, "")
    parts = [compile_predicate(child, scope) for child in element.content()]
    if len(parts) < (1 if operator in ("and", "or") else 2):
        raise malformed(element, f"{operator} over {len(parts)} predicates")
    combine = {"and": _all, "or": _any, "xor": _odd, "surrogate": _first_known}[operator]
    return lambda context: combine([part(context) for part in parts])


def _all(answers: list[Floats]) -> Floats:
    stacked = np.stack(answers)
    return np.where((stacked == 0).any(axis=0), 0.0, np.where(np.isnan(stacked).any(axis=0), np.nan, 1.0))


def _any(answers: list[Floats]) -> Floats:
    stacked = np.stack(answers)
    return np.where((stacked == 1).any(axis=0), 1.0, np.where(np.isnan(stacked).any(axis=0), np.nan, 0.0))


def _odd(answers: list[Floats]) -> Floats:
    odd: Floats = np.mod(np.sum(np.stack(answers), axis=0), 2.0)
    return odd


def _first_known(answers: list[Floats]) -> Floats:
    known = answers[0]
    for answer in answers[1:]:
        known = np.where(np.isnan(known), answer, known)
    return known
