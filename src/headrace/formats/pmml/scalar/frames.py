"""A model frame of one record: its element, then its target, then its outputs; and chains of frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from headrace.formats.pmml.columns import Numbers
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT, INTEGER, STRING
from headrace.formats.pmml.elements import general_regression as general
from headrace.formats.pmml.elements.mining import Chain
from headrace.formats.pmml.elements.neural_network import NetworkEvaluator
from headrace.formats.pmml.elements.regression import ClassRegression, NumberRegression
from headrace.formats.pmml.elements.tree import TreeEvaluator
from headrace.formats.pmml.expressions.compiler import Expression
from headrace.formats.pmml.features import find_label
from headrace.formats.pmml.frame import ModelFrame
from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.output import OutputField
from headrace.formats.pmml.result import Result
from headrace.formats.pmml.scalar import network, regression, trees
from headrace.formats.pmml.scalar.casts import round_single
from headrace.formats.pmml.scalar.expressions import compile_expression
from headrace.formats.pmml.scalar.outcome import Outcome
from headrace.formats.pmml.scalar.plan import Plan, Term
from headrace.formats.pmml.scalar.program import Form, Program, Slots, pick, places
from headrace.formats.pmml.scalar.ways import NoPlan, Unsettled
from headrace.formats.pmml.targets import CASTS, Target
from headrace.formats.pmml.trees.forest import Forest

_ELEMENTS: dict[type, Callable[[Plan, Any], Outcome]] = {
    NumberRegression: regression.compile_number,
    ClassRegression: regression.compile_classes,
    general.NumberRegression: regression.compile_general_number,
    general.Multinomial: regression.compile_general_classes,
    general.Ordinal: regression.compile_general_classes,
    general.Binary: regression.compile_general_classes,
    NetworkEvaluator: network.compile_network,
    TreeEvaluator: trees.compile_tree,
    Forest: trees.compile_forest,
}


class Compiled(NamedTuple):
    """What a frame gives: its outcome, and the final outputs by name."""

    outcome: Outcome
    outputs: Mapping[str, Term]


def compile_frame(plan: Plan, frame: ModelFrame) -> Compiled:
    """Compile a frame and all within. Raises ``NoPlan``."""
    outputs: dict[str, Term] = {}
    if isinstance(frame.evaluator, Chain):
        outcome, outputs = _compile_chain(plan, frame.evaluator)
    else:
        compile_element = _ELEMENTS.get(type(frame.evaluator))
        if compile_element is None:
            raise NoPlan(frame.element.tag)
        outcome = compile_element(plan, frame.evaluator)
    target = frame.find_target()
    if target is not None:
        outcome = _treat(plan, target, outcome)
    for output in frame.outputs:
        term = plan.cast(_compile_output(plan, output, outcome), output.field.type)
        plan.set_field(output.field, term)
        if output.final:
            outputs[output.field.name] = term
    return Compiled(outcome, outputs)


def _compile_chain(plan: Plan, chain: Chain) -> tuple[Outcome, dict[str, Term]]:
    """Compile segments in turn, all of which take part in every record; the last one's outcome is the chain's."""
    if chain.target_frames or any(segment.predicate is not None for segment in chain.segments):
        raise NoPlan("a chain of several targets, or with conditions")
    outputs: dict[str, Term] = {}
    outcome = None
    for segment in chain.segments:
        outcome, found = compile_frame(plan, segment.frame)
        outputs.update(found)
    if outcome is None:
        raise NoPlan("an empty chain")
    return outcome, outputs


def _treat(plan: Plan, target: Target, outcome: Outcome) -> Outcome:
    """Treat the predicted value as ``Target.apply`` does."""
    value = outcome.value
    if value.type.is_text:
        if not target.priors:
            return outcome
        label = plan.add_step(_require_label, [value.place], form=_write_label)
        return Outcome(Term(label, STRING), outcome.labels, outcome.probabilities, outcome.confidences, outcome.entity)
    plain = Target(target.field, priors=target.priors, display=target.display, default=target.default)
    if target == plain and math.isnan(target.default):
        return outcome
    if value.type.is_float:
        place = plan.add_step(
            partial(_rescale_single, target), [value.place], form=_write_rescaling(target, single=True)
        )
        return Outcome(Term(place, INTEGER if target.cast else value.type), entity=outcome.entity)
    place = plan.add_step(partial(_rescale, target), [value.place], form=_write_rescaling(target))
    return Outcome(Term(place, INTEGER if target.cast else value.type), entity=outcome.entity)


def _write_label(made: Program, arguments: Sequence[Slots]) -> Slots:
    """Return the form of ``_require_label``."""
    slots = arguments[0]
    return slots._replace(start=made.emit(programs.REQUIRE, [slots.start]))


def _write_rescaling(target: Target, *, single: bool = False) -> Form | None:
    """Return the form of ``_rescale``."""
    if target.cast:
        return None
    convert = round_single if single else float
    default, low, high, factor, offset = map(
        convert, (target.default, target.low, target.high, target.factor, target.offset)
    )

    def write(made: Program, arguments: Sequence[Slots]) -> Slots:
        at = made.emit(programs.REPLACE, [arguments[0].start], (default, 0.0))
        made.rewrite(programs.CLAMP, at, [at], (low, high))
        for constants in ((factor, 0.0), (1.0, offset)):
            made.rewrite(programs.RESCALE, at, [at], constants)
            if single:
                made.rewrite(programs.SINGLE, at, [at])
        return Slots(at)

    return write


def _require_label(label: str | None) -> str:
    if label is None:
        raise Unsettled
    return label


def _rescale(target: Target, value: float) -> float:
    if math.isnan(value):
        value = target.default
    if value < target.low:
        value = target.low
    elif value > target.high:
        value = target.high
    if target.factor != 1.0:
        value *= target.factor
    if target.offset != 0.0:
        value += target.offset
    return float(CASTS[target.cast](np.array([value]))[0]) if target.cast else value


def _rescale_single(target: Target, value: float) -> float:
    """Do what ``Target.apply`` does to a column in single precision."""
    column = target.apply(Result(Numbers(np.array([value], np.float32), FLOAT))).value
    assert isinstance(column, Numbers)
    return float(column.values[0])


def _compile_output(plan: Plan, output: OutputField, outcome: Outcome) -> Term:
    if isinstance(output.expression, Expression):
        return compile_expression(plan, output.expression)
    attributes = output.element.attributes
    if "segmentId" in attributes:
        raise NoPlan("the result of a segment")
    if output.feature == "predictedValue":
        return outcome.value
    if output.feature == "probability":
        return _find_class(plan, outcome, outcome.probabilities, attributes.get("value"))
    if output.feature == "confidence":
        places = outcome.probabilities if outcome.confidences is None else outcome.confidences
        return _find_class(plan, outcome, places, attributes.get("value"))
    simple = not {"rank", "rankOrder", "isMultiValued"} & set(attributes)
    if output.feature == "entityId" and simple and outcome.entity is not None:
        return outcome.entity
    raise NoPlan(f"the feature {output.feature}")


def _find_class(plan: Plan, outcome: Outcome, place: int | None, label: str | None) -> Term:
    """Return the number of a class, None for the predicted one."""
    if place is None:
        raise NoPlan("the probability of a model without any")
    if label is None:
        index = {name: number for number, name in enumerate(outcome.labels)}
        step = partial(_pick_label, index)
        return Term(plan.add_step(step, [place, outcome.value.place], form=_write_pick(outcome.labels)), DOUBLE)
    number = find_label(label, outcome.labels)
    if number is None:
        raise NoPlan(f"no class {label!r}")
    return Term(plan.add_step(itemgetter(number), [place], ("pick", number), form=pick(number)), DOUBLE)


def _write_pick(labels: tuple[str, ...]) -> Form:
    """Return the form of ``_pick_label``, where the label is the index of one of the same labels."""

    def write(made: Program, arguments: Sequence[Slots]) -> Slots:
        values, label = arguments
        if label.names != (*labels, None):
            raise NoPlan("a label that is not one of the probabilities'")
        return Slots(made.emit(programs.PICK, [label.start, *places([values])]))

    return write


def _pick_label(index: dict[str, int], values: list[float], label: str | None) -> float:
    return math.nan if label not in index else values[index[label]]
