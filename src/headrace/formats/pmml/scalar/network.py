"""NeuralNetwork of one record: the layers' own matrix products, over one row."""

from __future__ import annotations

import math
from operator import itemgetter
from typing import Any

import numpy as np

from headrace.formats.pmml.datatypes import DOUBLE, STRING
from headrace.formats.pmml.elements.neural_network import Network, NetworkEvaluator
from headrace.formats.pmml.neural.activations import ACTIVATIONS, NORMALIZATIONS, RADIAL
from headrace.formats.pmml.scalar.expressions import find_number, make_interpolation
from headrace.formats.pmml.scalar.outcome import Outcome, add_classes, blank_missing
from headrace.formats.pmml.scalar.plan import Compute, Plan, Term
from headrace.formats.pmml.scalar.ways import NoPlan


def compile_network(plan: Plan, evaluator: NetworkEvaluator) -> Outcome:
    """Compile a network with one target."""
    network, outputs = evaluator.network, evaluator.outputs
    if network.dtype is np.float32:
        raise NoPlan("single precision")
    inputs = [find_number(plan, field) for field in network.inputs]
    values = plan.add_step(_make_walk(network, outputs.units), inputs)
    if outputs.labels:
        return add_classes(plan, outputs.labels, plan.add_step(blank_missing, [values]), outputs.ids)
    value = plan.add_step(itemgetter(0), [values])
    for norms, origins in outputs.outputs[0].knots:
        value = plan.add_step(make_interpolation(norms.tolist(), origins.tolist(), "asIs", math.nan), [value])
    only = outputs.ids[0]
    entity = plan.add_step(lambda number: None if math.isnan(number) else only, [value])
    return Outcome(Term(value, DOUBLE), entity=Term(entity, STRING))


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
