"""What a model's element gives for one record: the places of the predicted value and of what outputs may ask for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from headrace.formats.pmml.datatypes import STRING
from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.scalar.plan import Plan, Term
from headrace.formats.pmml.scalar.program import Form, Slots, compute


@dataclass(frozen=True, slots=True)
class Outcome:
    """``value``: the predicted value. Of classes: ``labels``, and the places of lists of one number a class."""

    value: Term
    labels: tuple[str, ...] = ()
    probabilities: int | None = None
    confidences: int | None = None
    entity: Term | None = None


def add_classes(plan: Plan, labels: Sequence[str], probabilities: int, ids: Sequence[str] = ()) -> Outcome:
    """Return the outcome of classes with probabilities; ``ids`` are the classes' entities."""
    value = plan.add_step(_Chooser(labels), [probabilities], form=_name_greatest(labels))
    entity = None
    if ids:
        entity = Term(plan.add_step(_Chooser(ids), [probabilities], form=_name_greatest(ids)), STRING)
    return Outcome(Term(value, STRING), tuple(labels), probabilities, entity=entity)


def _name_greatest(names: Sequence[str]) -> Form:
    choose = compute(programs.GREATEST)
    return lambda program, arguments: Slots(choose(program, arguments).start, names=(*names, None))


class _Chooser:
    """Chooses the name of the greatest probability, the first of equals; None where they are missing."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def __call__(self, probabilities: list[float]) -> str | None:
        first = probabilities[0]
        return None if first != first else self._names[probabilities.index(max(probabilities))]  # noqa: PLR0124


def blank_missing(probabilities: list[float]) -> list[float]:
    """Return probabilities that are all missing where one of them is."""
    if math.isnan(sum(probabilities)) and any(map(math.isnan, probabilities)):
        return [math.nan] * len(probabilities)
    return probabilities
