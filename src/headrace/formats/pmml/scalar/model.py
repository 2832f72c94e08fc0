"""Single records: by a program where the plan has one, else by the plan's steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.formats.pmml.datatypes import DataType
from headrace.formats.pmml.frame import ModelFrame
from headrace.formats.pmml.scalar.casts import find_cast, require_plain
from headrace.formats.pmml.scalar.expressions import compile_expression
from headrace.formats.pmml.scalar.frames import compile_frame
from headrace.formats.pmml.scalar.inputs import make_reader
from headrace.formats.pmml.scalar.lowering import lower
from headrace.formats.pmml.scalar.outcome import Outcome
from headrace.formats.pmml.scalar.plan import Plan, Term, choose
from headrace.formats.pmml.scalar.program import Form, Slots
from headrace.formats.pmml.scalar.ways import NoPlan, Unsettled
from headrace.formats.pmml.schema import Input

_WHOLE = 2.0**53


class ScalarModel:
    """A model that scores single records by a plan."""

    def __init__(self, plan: Plan, inputs: Sequence[Input], outputs: Sequence[tuple[str, int]]) -> None:
        self._template = plan.template[len(inputs) :]
        self._steps = [(step.place, step.compute, choose(step.places)) for step in plan.steps]
        self._readers = [(entry.field.name, make_reader(entry)) for entry in inputs]
        self._names = [name for name, _ in outputs]
        self._get_outputs = choose([place for _, place in outputs])
        self.runner = lower(plan, inputs, outputs)
        """What runs the plan as a program, if it has one."""

    def score_one(self, record: Mapping[str, object]) -> dict[str, object] | None:
        """Score one record; None where it needs the general way."""
        found = None if self.runner is None else self.runner.score_one(record)
        return self.score_by_steps(record) if found is None else found

    def score_by_steps(self, record: Mapping[str, object]) -> dict[str, object] | None:
        """Score one record step by step; None where it needs the general way."""
        try:
            get = record.get
            values = [read(get(name)) for name, read in self._readers]
            values += self._template
            for place, compute, pick in self._steps:
                values[place] = compute(*pick(values))
        except (Unsettled, ArithmeticError):
            return None
        return dict(zip(self._names, self._get_outputs(values), strict=True))


def open_scalar(
    frame: ModelFrame, inputs: Sequence[Input], outputs: Sequence[tuple[str, DataType]]
) -> ScalarModel | None:
    """Make the plan of a model; ``outputs`` are names and types. None where some part has no scalar form."""
    plan = Plan(compile_expression)
    try:
        for entry in inputs:
            plan.set_field(entry.field, Term(plan.open_place(), entry.field.type))
        compiled = compile_frame(plan, frame)
        places = []
        for name, type in outputs:
            found = compiled.outputs.get(name)
            term = compiled.outcome.value if found is None else found
            places.append((name, _add_output(plan, term, type, compiled.outcome)))
        return ScalarModel(plan, inputs, places)
    except NoPlan:
        return None


def _add_output(plan: Plan, term: Term, type: DataType, outcome: Outcome) -> int:
    """Add the step that turns a value into what a caller expects, None for missing; as ``arrow.Writer`` does."""
    require_plain(type)
    convert = find_cast(term.type, type)
    write = _WRITERS[type.name]
    form = _FORMS[type.name]
    if convert is None:
        return term.place if type.is_text else plan.add_step(write, [term.place], form=form)
    if term == outcome.value and outcome.labels:
        table = {label: write(convert(label)) for label in outcome.labels}
        return plan.add_step(table.get, [term.place], form=_translate(table))
    return plan.add_step(write, [plan.cast(term, type).place], form=form)


def _translate(table: Mapping[Any, object]) -> Form:
    """Return the form of what replaces names."""

    def write(_: object, arguments: Sequence[Slots]) -> Slots:
        slots = arguments[0]
        if slots.names is None:
            raise NoPlan("a text that is not one of a few names")
        return slots._replace(names=tuple(map(table.get, slots.names)))

    return write


def _write_number(value: float) -> float | None:
    if -math.inf < value < math.inf:
        return value
    if math.isnan(value):
        return None
    raise Unsettled


def _write_boolean(value: float) -> bool | None:
    return None if math.isnan(value) else bool(value)


def _write_whole(value: float) -> int | None:
    if -_WHOLE < value < _WHOLE:
        return int(value)
    if math.isnan(value):
        return None
    raise Unsettled


def _write_text(value: str | None) -> str | None:
    return value


_WRITERS: dict[str, Callable[[Any], object]] = {
    "double": _write_number,
    "float": _write_number,
    "boolean": _write_boolean,
    "integer": _write_whole,
    "string": _write_text,
}
_FORMS: dict[str, Form | None] = {
    "double": lambda _, arguments: arguments[0],
    "float": lambda _, arguments: arguments[0],
    "boolean": lambda _, arguments: arguments[0]._replace(names=(False, True, None)),
    "integer": lambda _, arguments: arguments[0]._replace(whole=True),
    "string": None,
}
