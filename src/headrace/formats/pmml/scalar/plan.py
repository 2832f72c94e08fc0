"""The plan of a model for single records: places that hold values, and steps that fill them.

Rules:

- A place holds one plain value: a float (NaN is missing; booleans are 1 and 0; the type float is held rounded to single
  precision), a text (None is missing), or what one step hands to the next. Its type is known when the plan is made.
- A step computes one place from others. Steps run in order; the same step of the same places is kept once.
- A step that brings a form (``program``) may run in a program instead, if it rests on no step without one.
- A plan gives what the columns give, bit for bit. What has no step raises ``NoPlan`` while the plan is made, and the
  model has none. What a step does not settle for one record (an error, a number out of range) raises ``Unsettled``,
  and that record takes the general way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from headrace.formats.pmml.datatypes import DataType
from headrace.formats.pmml.expressions.compiler import Expression
from headrace.formats.pmml.scalar.casts import find_cast, find_form
from headrace.formats.pmml.scalar.program import Form
from headrace.formats.pmml.scalar.ways import NoPlan
from headrace.formats.pmml.scope import Field

Values = list[Any]
Compute = Callable[..., Any]
Get = Callable[[Values], Sequence[Any]]


class Step(NamedTuple):
    """The place that is filled, what computes it from which places, its form, and the length of a list (0: no list)."""

    place: int
    compute: Compute
    places: tuple[int, ...]
    form: Form | None
    width: int


class Term(NamedTuple):
    """A place and the data type of the value that it holds."""

    place: int
    type: DataType


class Plan:
    """Places and steps; grows while a model is compiled."""

    def __init__(self, compile_expression: Callable[[Plan, Expression], Term]) -> None:
        self.template: Values = []
        self.steps: list[Step] = []
        self._compile_expression = compile_expression
        self._fields: dict[Field, Term] = {}
        self._known: dict[object, int] = {}

    def open_place(self, value: object = None) -> int:
        """Open a place that holds ``value`` until a step fills it."""
        self.template.append(value)
        return len(self.template) - 1

    def add_constant(self, value: object, type: DataType) -> Term:
        """Return a term that is the same for every record."""
        key = (value.__class__, repr(value))
        if key not in self._known:
            self._known[key] = self.open_place(value)
        return Term(self._known[key], type)

    def add_step(
        self, compute: Compute, places: Sequence[int], key: object = None, *, form: Form | None = None, width: int = 0
    ) -> int:
        """Return the place of what ``compute`` gives for these places; equal keys mean the same computation."""
        known = (compute if key is None else key, tuple(places))
        if known not in self._known:
            place = self._known[known] = self.open_place()
            self.steps.append(Step(place, compute, tuple(places), form, width))
        return self._known[known]

    def set_field(self, field: Field, term: Term) -> None:
        """Give a field its term."""
        self._fields[field] = term

    def find_field(self, field: Field) -> Term:
        """Return a field's term; a derived field is compiled when something first asks."""
        term = self._fields.get(field)
        if term is None:
            if not isinstance(field.compute, Expression):
                raise NoPlan(f"the field {field.name!r}")
            term = self.cast(self._compile_expression(self, field.compute), field.type)
            self._fields[field] = term
        return term

    def cast(self, term: Term, type: DataType) -> Term:
        """Convert a term to a type, as ``columns.cast`` does."""
        convert = find_cast(term.type, type)
        return term if convert is None else Term(self.add_step(convert, [term.place], form=find_form(convert)), type)


def choose(places: Sequence[int]) -> Get:
    """Return what picks these places' values, in order."""
    if not places:
        return itemgetter(slice(0, 0))
    if len(places) == 1:
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(*places)
