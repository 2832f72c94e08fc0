"""A plan as a program: which steps stay in Python, which numbers go in, and how a record gives them.

Steps without a form, and what they rest on, are computed first, in Python. Where those are no more than the codes of
texts, each input is packed as it comes: a number as it is, a text by a table; the program treats them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.scalar.expressions import Encoder
from headrace.formats.pmml.scalar.inputs import make_reader, write_reading
from headrace.formats.pmml.scalar.plan import Plan, Step, choose
from headrace.formats.pmml.scalar.program import Program, Slots
from headrace.formats.pmml.scalar.runner import Read, Runner, pick_values
from headrace.formats.pmml.scalar.ways import NoPlan, Unsettled
from headrace.formats.pmml.schema import Input


def lower(plan: Plan, inputs: Sequence[Input], outputs: Sequence[tuple[str, int]]) -> Runner | None:
    """Make what runs a plan as a program; None where it has none."""
    early = _find_early(plan)
    steps = [step for step in plan.steps if step.place not in early]
    for attempt in (_open_plainly, _open_after_steps):
        program = Program()
        known: dict[int, Slots] = {}
        try:
            read, count = attempt(plan, inputs, early, steps, [place for _, place in outputs], program, known)
            for place, value in enumerate(plan.template):
                if place >= len(inputs) and value.__class__ is float:
                    known[place] = Slots(program.open([value]))
            for step in steps:
                known[step.place] = _require_form(step)(program, [_find(known, place) for place in step.places])
            return Runner(program, read, count, [(name, _find(known, place)) for name, place in outputs])
        except NoPlan:
            continue
    return None


def _require_form(step: Step) -> Callable[[Program, Sequence[Slots]], Slots]:
    assert step.form is not None
    return step.form


def _find(known: dict[int, Slots], place: int) -> Slots:
    if place not in known:
        raise NoPlan("a value that is not a number")
    return known[place]


def _find_early(plan: Plan) -> dict[int, Step]:
    """Return the steps that have no form, and those that they rest on, by place."""
    by_place = {step.place: step for step in plan.steps}
    early: dict[int, Step] = {}
    waiting = [step for step in plan.steps if step.form is None]
    while waiting:
        step = waiting.pop()
        if step.place not in early:
            early[step.place] = step
            waiting.extend(by_place[place] for place in step.places if place in by_place)
    return {step.place: step for step in plan.steps if step.place in early}


def _open_plainly(
    plan: Plan,
    inputs: Sequence[Input],
    early: dict[int, Step],
    steps: Sequence[Step],
    outputs: Sequence[int],
    program: Program,
    known: dict[int, Slots],
) -> tuple[list[Read], int]:
    """Open a program that takes the inputs as they come. Raises ``NoPlan`` where they need Python."""
    del plan, steps, outputs
    encoders: dict[int, list[Step]] = {}
    for step in early.values():
        if not isinstance(step.compute, Encoder) or step.places[0] >= len(inputs):
            raise NoPlan("steps in Python")
        encoders.setdefault(step.places[0], []).append(step)
    numbers = [place for place, entry in enumerate(inputs) if not entry.field.type.is_text]
    texts = [place for place, entry in enumerate(inputs) if entry.field.type.is_text]
    first = program.open([math.nan] * (len(numbers) + len(texts)))
    if numbers:  # a whole number beyond may have been rounded when it was packed
        program.rewrite(programs.BOUND, first, range(first, first + len(numbers)), (-programs.EXACT, programs.EXACT))
    for slot, place in enumerate(numbers, first):
        known[place] = Slots(write_reading(program, inputs[place], slot))
    tables = []
    for slot, place in enumerate(texts, first + len(numbers)):
        found = encoders.get(place, [])
        if len(found) > 1:
            raise NoPlan("a text with several codes")
        tables.append(_Codes(inputs[place], found[0].compute if found else None))
        for step in found:
            known[step.place] = Slots(slot)
    names = [inputs[place].field.name for place in (*numbers, *texts)]
    return _make_reads(names, len(numbers), tables), len(names)


class _Codes(dict[Any, float]):
    """Texts as codes, those that the model or its dictionary names looked up at once."""

    def __init__(self, entry: Input, encode: Any) -> None:
        self._read = make_reader(entry)
        self._encode = encode or (lambda _: 0.0)
        for text in [*entry.data_field.valid, *(encode.codes if encode else ()), None]:
            try:
                self[text] = self._encode(self._read(text))
            except Unsettled:
                continue

    def __missing__(self, given: Any) -> float:
        return self._encode(self._read(given))


def _make_reads(names: list[str], count: int, tables: list[_Codes]) -> list[Read]:
    """Return how a whole record's numbers are taken, and those of one that lacks some."""

    def read_again(record: Mapping[str, object]) -> list[Any]:
        given: list[Any] = [record.get(name) for name in names]
        found = [math.nan if value is None else value for value in given[:count]]
        return found + [table[text] for table, text in zip(tables, given[count:], strict=True)]

    if not tables:
        return [pick_values(names), read_again]
    pick_numbers, pick_texts = pick_values(names[:count]), pick_values(names[count:])

    def read(record: Mapping[str, object]) -> list[Any]:
        return [
            *pick_numbers(record),
            *[table[text] for table, text in zip(tables, pick_texts(record), strict=True)],
        ]

    return [read, read_again]


def _open_after_steps(
    plan: Plan,
    inputs: Sequence[Input],
    early: dict[int, Step],
    steps: Sequence[Step],
    outputs: Sequence[int],
    program: Program,
    known: dict[int, Slots],
) -> tuple[list[Read], int]:
    """Open a program that takes what the steps in Python give, and the inputs as they are read there."""
    if len(steps) < len(early):
        raise NoPlan("most of the steps are in Python")
    asked = {place for step in steps for place in step.places} | set(outputs)
    scalars = [place for place, entry in enumerate(inputs) if place in asked and not entry.field.type.is_text]
    lists: list[int] = []
    for place, step in early.items():
        if place in asked:
            (lists if step.width else scalars).append(place)
    for place in scalars:
        known[place] = Slots(program.open([math.nan]))
    for place in lists:
        width = early[place].width
        known[place] = Slots(program.open([math.nan] * width), width)
    count = len(program.block) - 1
    template = plan.template[len(inputs) :]
    readers = [(entry.field.name, make_reader(entry)) for entry in inputs]
    chain = [(step.place, step.compute, choose(step.places)) for step in early.values()]

    def read(record: Mapping[str, object]) -> list[Any]:
        values = [convert(record.get(name)) for name, convert in readers]
        values += template
        for place, compute, pick in chain:
            values[place] = compute(*pick(values))
        return [values[place] for place in scalars] + [value for place in lists for value in values[place]]

    return [read], count
