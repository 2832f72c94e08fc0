"""NeuralNetwork of one record: the layers' own matrix products, over one row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from headrace.formats.pmml.datatypes import DOUBLE, STRING
from headrace.formats.pmml.elements.neural_network import Network, NetworkEvaluator
from headrace.formats.pmml.kernels import programs
from headrace.formats.pmml.neural.activations import ACTIVATIONS, NORMALIZATIONS, RADIAL
from headrace.formats.pmml.neural.layers import Layer
from headrace.formats.pmml.scalar.expressions import find_number, interpolate, make_interpolation
from headrace.formats.pmml.scalar.outcome import Outcome, add_classes, blank_missing
from headrace.formats.pmml.scalar.plan import Compute, Plan, Term
from headrace.formats.pmml.scalar.program import (
    FEW,
    Form,
    Program,
    Slots,
    call_on,
    compute,
    fill,
    multiply,
    pick,
    places,
    replace,
    soften_over,
)
from headrace.formats.pmml.scalar.ways import NoPlan


def compile_network(plan: Plan, evaluator: NetworkEvaluator) -> Outcome:
    """Compile a network with one target."""
    network, outputs = evaluator.network, evaluator.outputs
    if network.dtype is np.float32:
        raise NoPlan("single precision")
    inputs = [find_number(plan, field) for field in network.inputs]
    width = len(outputs.units)
    walk = _make_walk(network, outputs.units)
    values = plan.add_step(walk, inputs, form=_write_walk(network, outputs.units), width=width)
    if outputs.labels:
        blank = plan.add_step(blank_missing, [values], form=fill(programs.BLANK), width=width)
        return add_classes(plan, outputs.labels, blank, outputs.ids)
    value = plan.add_step(itemgetter(0), [values], form=pick(0))
    for norms, origins in outputs.outputs[0].knots:
        line = (norms.tolist(), origins.tolist(), "asIs", math.nan)
        value = plan.add_step(make_interpolation(*line), [value], form=interpolate(*line))
    only = outputs.ids[0]
    entity = plan.add_step(lambda number: None if math.isnan(number) else only, [value], form=_name_present(only))
    return Outcome(Term(value, DOUBLE), entity=Term(entity, STRING))


def _name_present(only: str) -> Form:
    """Return the form of what names a number that is not missing."""
    find = compute(programs.LOOK_UP, (math.nan, 0.0, 0.0))
    return lambda program, arguments: Slots(find(program, arguments).start, names=(only, None))


def _write_walk(network: Network, units: list[int]) -> Form | None:
    """Return the form of a network without radial neurons; a record with a missing value is not settled."""
    if any(layer.activation == RADIAL for layer in network.layers):
        return None

    def write(program: Program, arguments: Sequence[Slots]) -> Slots:
        first = program.open([0.0] * len(network.ids))
        program.rewrite(programs.COPY, first, places(arguments))
        for layer in network.layers:
            _write_layer(program, layer, first)
        chosen = [first + unit for unit in units]
        return Slots(program.emit(programs.TAKE, chosen, width=len(chosen)), len(chosen))

    return write


def _write_layer(program: Program, layer: Layer, first: int) -> None:
    """Write the product with the weights as BLAS gives it, then what follows."""
    at, size = first + layer.writes.start, len(layer.bias)
    program.call(multiply(layer.weights, first + layer.reads.start, at))
    program.rewrite(programs.BIAS, at, range(at, at + size), layer.bias.tolist())
    if layer.activation in _ACTIVATIONS:
        _ACTIVATIONS[layer.activation](program, at, size)
    else:
        activate, threshold = ACTIVATIONS[layer.activation], layer.threshold
        program.call(replace(lambda values: activate(values, threshold), at, size))
    if layer.normalization == "softmax" and size < FEW:
        soften_over(program, at, size)
    elif layer.normalization != "none":
        program.call(replace(NORMALIZATIONS[layer.normalization], at, size))


def _squash(program: Program, at: int, size: int) -> None:
    program.rewrite(programs.NEGATE, at, range(at, at + size))
    program.call(call_on(np.exp, at, size))
    program.rewrite(programs.SQUASH, at, range(at, at + size))


_ACTIVATIONS: dict[str, Callable[[Program, int, int], None]] = {
    "identity": lambda *_: None,
    "logistic": _squash,
    "tanh": lambda program, at, size: program.call(call_on(np.tanh, at, size)),
    "rectifier": lambda program, at, size: program.rewrite(programs.RECTIFY, at, range(at, at + size)),
}
"""What writes an activation over a layer's slots."""


def _make_walk(network: Network, units: list[int]) -> Compute:
    """Return what gives the values of ``units``; they are missing where an input is."""
    width, layers = len(network.ids), network.layers
    last = layers[-1].writes
    chained = _are_chained(network) and min(units) >= last.start
    chosen = [unit - last.start for unit in units]
    whole = chosen == list(range(last.stop - last.start))
    steps = [
        (layer.weights, layer.bias, ACTIVATIONS.get(layer.activation), layer.threshold, layer.normalization)
        for layer in layers
    ]

    def walk(*inputs: float) -> list[float]:
        if math.isnan(sum(inputs)) and any(map(math.isnan, inputs)):
            return [math.nan] * len(units)
        row: Any = np.array(inputs)[None]
        with np.errstate(all="ignore"):
            if not chained:
                everything = np.empty((1, width))
                everything[:, : len(inputs)] = row
                for layer in layers:
                    layer.evaluate(everything)
                return everything[0, units].tolist()  # type: ignore[no-any-return]
            for weights, bias, activate, threshold, normalization in steps:
                row = row @ weights
                row += bias
                row = activate(row, threshold)  # type: ignore[misc]
                if normalization != "none":
                    row = NORMALIZATIONS[normalization](row)
        found: list[float] = row[0].tolist()
        return found if whole else [found[place] for place in chosen]

    return walk


def _are_chained(network: Network) -> bool:
    """Tell whether each layer reads just what the one before it writes."""
    before = slice(0, len(network.inputs))
    for layer in network.layers:
        if layer.activation == RADIAL or layer.reads != before:
            return False
        before = layer.writes
    return True
