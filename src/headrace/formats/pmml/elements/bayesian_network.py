"""BayesianNetworkModel. Standard: "Bayesian Network Models", PMML 4.3 and 4.4. Nodes and inference are in ``bayesian``.

Rules:

- A class's probability is that of the target's value, given everything that the record says; unknown discrete nodes are
  summed over, so the result is exact.
- A number is the mean of the target's distribution, over its unknown parents. That is exact as long as no other node
  depends on the target; a network in which one does would need sampling, and is not supported.
- A record whose known values have probability zero together, or that lacks a number which a known node depends on, has
  no prediction.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headrace.formats.pmml.bayesian.elimination import Factor, Plan, eliminate, make_plan
from headrace.formats.pmml.bayesian.nodes import (
    ContinuousNode,
    DiscreteNode,
    compile_continuous,
    compile_discrete,
    list_values,
)
from headrace.formats.pmml.columns import Numbers
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.result import Evaluator, Result, choose_label
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.transformations import define_transformations
from headrace.formats.pmml.xml import Element, malformed, unsupported

Node = DiscreteNode | ContinuousNode


class ClassNetwork:
    """Predicts the value of a discrete target."""

    def __init__(self, nodes: list[Node], target: DiscreteNode, plan: Plan) -> None:
        self._nodes = nodes
        self._labels = target.values
        self._plan = plan

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        with np.errstate(all="ignore"):
            joint = eliminate(_read_factors(self._nodes, context), self._plan, context.size)
            probabilities = joint / joint.sum(axis=1, keepdims=True)
        probabilities[np.isnan(probabilities).any(axis=1)] = np.nan
        return Result(choose_label(self._labels, probabilities), self._labels, probabilities)


class NumberNetwork:
    """Predicts the mean of a continuous target."""

    def __init__(self, nodes: list[Node], target: ContinuousNode, plan: Plan) -> None:
        self._nodes = nodes
        self._target = target
        self._plan = plan

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        with np.errstate(all="ignore"):
            factors = _read_factors(self._nodes, context)
            total = eliminate(factors, self._plan, context.size)
            value = eliminate([*factors, self._target.means(context)], self._plan, context.size) / total
        return Result(Numbers(value, DOUBLE))


def _read_factors(nodes: list[Node], context: Context) -> list[Factor]:
    factors = [node.factor for node in nodes if isinstance(node, DiscreteNode)]
    return [*factors, *(factor for node in nodes if (factor := node.read(context)) is not None)]


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a BayesianNetworkModel."""
    holder = element.child("BayesianNetworkNodes")
    found = holder.find_all("DiscreteNode", "ContinuousNode")
    for child in found:
        define_transformations(child, scope)
    values = list_values(holder)
    _refuse_cycles(holder)
    nodes: list[Node] = [
        compile_discrete(child, values, scope, info.target_name)
        if child.tag == "DiscreteNode"
        else compile_continuous(child, values, scope, info.target_name)
        for child in found
    ]
    target = next((node for node in nodes if node.name == info.target_name), None)
    if target is None:
        raise malformed(holder, f"no node is the target {info.target_name!r}")
    sizes = {name: len(own) for name, own in values.items()}
    scopes = [node.factor.variables if isinstance(node, DiscreteNode) else node.parents for node in nodes]
    if isinstance(target, DiscreteNode) != info.is_classification:
        raise malformed(element, f"functionName={info.function!r} does not fit the target's node")
    _refuse_dependents(holder, info.target_name)
    if isinstance(target, DiscreteNode):
        return ClassNetwork(nodes, target, make_plan(element, scopes, sizes, (target.name,)))
    return NumberNetwork(nodes, target, make_plan(element, scopes, sizes, ()))


def _refuse_cycles(holder: Element) -> None:
    parents: dict[str, set[str]] = {}
    for node in holder.find_all("DiscreteNode", "ContinuousNode"):
        found = [child.get("parent") for child in _walk(node) if child.tag == "ParentValue"]
        parents[node.get("name")] = set(found)
    while parents:
        free = [name for name, own in parents.items() if not own & parents.keys()]
        if not free:
            raise malformed(holder, f"the nodes form a cycle: {', '.join(sorted(parents))}")
        for name in free:
            del parents[name]


def _refuse_dependents(holder: Element, target: str) -> None:
    """Refuse a network in which a continuous node's distribution is computed from the target."""
    for node in holder.find_all("ContinuousNode"):
        for child in _walk(node):
            if child.get("field") == target:
                raise unsupported(node, f"its distribution depends on the target {target!r}")


def _walk(element: Element) -> Iterator[Element]:
    for child in element.children:
        yield child
        yield from _walk(child)
