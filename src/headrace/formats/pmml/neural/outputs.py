"""NeuralOutputs: which neuron stands for what.

An output neuron's DerivedField is an expression of the target; what the neuron gives is put through its inverse. So a
FieldRef gives the neuron's value, a NormContinuous is undone, and a NormDiscrete makes the neuron stand for one class.
Fields derived from the target by these are followed. No other expression has an inverse.

Standard: "Neural Network Models", NeuralOutputs, PMML 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.expressions.compiler import find_expression
from headrace.formats.pmml.expressions.norms import interpolate, read_knots
from headrace.formats.pmml.scope import Scope
from headrace.formats.pmml.xml import Element, malformed, unsupported

Knots = tuple[tuple[Floats, Floats], ...]
"""Of each NormContinuous to be undone, the norms and what they stand for."""


@dataclass(frozen=True, slots=True, eq=False)
class NeuralOutput:
    """What one output neuron stands for: a number of ``target``, or (``label``) one of its classes."""

    unit: int
    target: str
    label: str | None
    knots: Knots

    def restore(self, values: Floats) -> Floats:
        """Undo the normalization of the target: the outermost first."""
        for norms, origins in self.knots:
            values = interpolate(values, norms, origins, "asIs")
        return values


def compile_outputs(element: Element, units: dict[str, int], scope: Scope) -> list[NeuralOutput]:
    """Compile a network's NeuralOutputs."""
    outputs = []
    for child in element.find_all("NeuralOutput"):
        neuron = child.require("outputNeuron")
        if neuron not in units:
            raise malformed(child, f"there is no neuron {neuron!r}")
        target, label, knots = _follow(find_expression(child.child("DerivedField")), scope, frozenset())
        outputs.append(NeuralOutput(units[neuron], target, label, knots))
    if not outputs:
        raise malformed(element, "it holds no NeuralOutput")
    return outputs


def _follow(expression: Element, scope: Scope, seen: frozenset[str]) -> tuple[str, str | None, Knots]:
    """Follow an expression back to the target field."""
    if expression.tag not in ("FieldRef", "NormDiscrete", "NormContinuous"):
        raise unsupported(expression, "an output neuron's expression has no inverse; FieldRef and norms have one")
    name = expression.require("field")
    if name in seen:
        raise malformed(expression, f"the field {name!r} leads back to itself")
    derived = _find_derived(name, scope)
    target, label, knots = _follow(find_expression(derived), scope, seen | {name}) if derived else (name, None, ())
    if expression.tag == "NormDiscrete":
        return target, expression.require("value"), ()
    if expression.tag == "NormContinuous":
        return target, label, (_invert(expression), *knots)
    return target, label, knots


def _find_derived(name: str, scope: Scope | None) -> Element | None:
    """Return the DerivedField of a name, None where the name is a field of the data."""
    while scope is not None:
        if name in scope.definitions:
            element = scope.definitions[name][0]
            return element if element.tag == "DerivedField" else None
        scope = scope.parent
    return None


def _invert(expression: Element) -> tuple[Floats, Floats]:
    origins, norms = read_knots(expression)
    if norms[-1] < norms[0]:
        origins, norms = origins[::-1], norms[::-1]
    if not bool(np.all(np.diff(norms) > 0)):
        raise malformed(expression, "its norm values neither rise nor fall throughout, so it has no inverse")
    return norms, origins
