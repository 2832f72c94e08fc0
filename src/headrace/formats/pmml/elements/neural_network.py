"""NeuralNetwork. Standard: "Neural Network Models", PMML 4.4. Layers, activations and outputs are in ``neural``.

A row in which an input is missing has no prediction. A class's probability is what its output neuron gives.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headrace.formats.pmml.columns import Floats, Numbers, Texts
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT, read_type
from headrace.formats.pmml.expressions.compiler import compile_expression, find_expression
from headrace.formats.pmml.frame import ModelFrame
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.neural.activations import Values
from headrace.formats.pmml.neural.layers import Layer, compile_layer
from headrace.formats.pmml.neural.outputs import NeuralOutput, compile_outputs
from headrace.formats.pmml.neural.reading import LayerCollector
from headrace.formats.pmml.result import Evaluator, Result, choose_label
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.targets import is_single, read_targets
from headrace.formats.pmml.xml import Element, malformed

COLLECTORS = {"NeuralLayer": LayerCollector}


class Network:
    """The inputs and layers of a network."""

    def __init__(self, inputs: list[Field], layers: list[Layer], ids: list[str], dtype: type[np.floating]) -> None:
        self.inputs = inputs
        self.layers = layers
        self.dtype = dtype
        self.ids = ids

    def evaluate(self, context: Context) -> Values:
        """Return the values of all units, (rows, units); NaN throughout where an input is missing."""
        units = np.empty((context.size, len(self.ids)), dtype=self.dtype)
        for place, field in enumerate(self.inputs):
            units[:, place] = context.numbers(field)
        with np.errstate(all="ignore"):
            for layer in self.layers:
                layer.evaluate(units)
        units[np.isnan(units[:, : len(self.inputs)]).any(axis=1)] = np.nan
        return units


class TargetOutputs:
    """The output neurons of one target: of a number one, of classes one each."""

    def __init__(self, outputs: list[NeuralOutput], ids: list[str], classifies: bool, single: bool) -> None:
        self.outputs = outputs
        self.units = [output.unit for output in outputs]
        self.ids = [ids[unit] for unit in self.units]
        self.labels = [output.label or "" for output in outputs] if classifies else []
        self._single = single

    def make_result(self, units: Values) -> Result:
        """Make the target's result from the values of the units."""
        values = units[:, self.units]
        if not self.labels:
            value = self.outputs[0].restore(values[:, 0].astype(np.float64))
            column = Numbers(value.astype(np.float32), FLOAT) if self._single else Numbers(value, DOUBLE)
            return Result(column, entity=Texts(np.where(np.isnan(value), -1, 0).astype(np.int32), self.ids))
        probabilities: Floats = values.astype(np.float64)
        probabilities[np.isnan(probabilities).any(axis=1)] = np.nan
        label = choose_label(self.labels, probabilities)
        return Result(label, self.labels, probabilities, entity=Texts(label.codes, self.ids))


class NetworkEvaluator:
    """Scores a network with one target."""

    def __init__(self, network: Network, outputs: TargetOutputs) -> None:
        self.network = network
        self.outputs = outputs

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        return self.outputs.make_result(self.network.evaluate(context))


class SeveralTargets:
    """Scores a network with several targets; the first one's result is the network's own."""

    def __init__(
        self, network: Network, outputs: dict[str, TargetOutputs], target_frames: dict[str, ModelFrame]
    ) -> None:
        self.network = network
        self.outputs = outputs
        self.target_frames = target_frames

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        units = self.network.evaluate(context)
        targets = {}
        for name, frame in self.target_frames.items():
            result = self.outputs[name].make_result(units)
            target = frame.targets.get(name)
            targets[name] = result if target is None else target.apply(result)
        return replace(next(iter(targets.values())), targets=targets)


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a NeuralNetwork."""
    dtype: type[np.floating] = np.float32 if is_single(element) else np.float64
    units: dict[str, int] = {}
    inputs = _compile_inputs(element.child("NeuralInputs"), units, scope)
    layers = [compile_layer(child, element, units, dtype) for child in element.find_all("NeuralLayer")]
    if not layers:
        raise malformed(element, "it holds no NeuralLayer")
    network = Network(inputs, layers, list(units), dtype)
    groups: dict[str, list[NeuralOutput]] = {}
    outputs_element = element.child("NeuralOutputs")
    for output in compile_outputs(outputs_element, units, scope):
        groups.setdefault(output.target, []).append(output)
    outputs = {
        name: _compile_target(outputs_element, group, list(units), info, is_single(element))
        for name, group in groups.items()
    }
    if len(outputs) == 1:
        return NetworkEvaluator(network, next(iter(outputs.values())))
    targets = read_targets(element)
    frames = {}
    for name, target_outputs in outputs.items():
        function = "regression" if groups[name][0].label is None else "classification"
        own_info = _describe_target(name, replace(info, function=function), scope)
        evaluator = NetworkEvaluator(network, target_outputs)
        frames[name] = ModelFrame(own_info, element, evaluator, targets, [], [])
    return SeveralTargets(network, outputs, frames)


def _compile_inputs(element: Element, units: dict[str, int], scope: Scope) -> list[Field]:
    fields = []
    for child in element.find_all("NeuralInput"):
        name = child.require("id")
        if name in units:
            raise malformed(child, f"the id {name!r} is given twice")
        units[name] = len(units)
        derived = child.child("DerivedField")
        type = read_type(derived, "double")
        compute = compile_expression(find_expression(derived), scope)
        fields.append(Field(derived.get("name", name), DOUBLE if type.is_text else type, "continuous", compute))
    if not fields:
        raise malformed(element, "it holds no NeuralInput")
    return fields


def _compile_target(
    element: Element, outputs: list[NeuralOutput], ids: list[str], info: ModelInfo, single: bool
) -> TargetOutputs:
    """Check that a target's outputs fit together: classes are all classes, a number is one neuron."""
    discrete = [output for output in outputs if output.label is not None]
    if not discrete:
        if info.is_classification:
            raise malformed(element, "a classification's outputs are NormDiscrete, one for each class")
        if len(outputs) != 1:
            raise malformed(element, f"the target {outputs[0].target!r} is a number with {len(outputs)} output neurons")
    elif len(discrete) != len(outputs):
        raise malformed(element, f"the target {outputs[0].target!r} is both a number and a class")
    elif len({output.label for output in outputs}) != len(outputs):
        raise malformed(element, f"a class of the target {outputs[0].target!r} has two output neurons")
    return TargetOutputs(outputs, ids, bool(discrete), single)


def _describe_target(name: str, info: ModelInfo, scope: Scope) -> ModelInfo:
    data_field = scope.dictionary.fields.get(name)
    if data_field is None:
        return replace(info, target_name=name)
    return replace(info, target_name=name, target_type=data_field.type, target_values=data_field.valid)
