"""Nodes of a Bayesian network as factors.

A discrete node's factor is its probabilities by its own value and its parents' values, a continuous node's the density
of its value by its parents' values. What a record says of a discrete node is one more factor: 1 for its value, 0 for
the others, 1 for all where it says nothing. A continuous node of which a record says nothing counts as 1.

Standard: "Bayesian Network Models", DiscreteNode and ContinuousNode, PMML 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.bayesian.distributions import Distribution, compile_distribution
from headrace.formats.pmml.bayesian.elimination import MAX_CELLS, MAX_VARIABLES, Factor
from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed, unsupported


@dataclass(frozen=True, slots=True, eq=False)
class DiscreteNode:
    """A node with values; ``field`` is None for the target."""

    name: str
    values: list[str]
    factor: Factor
    field: Field | None
    constants: Floats

    def read(self, context: Context) -> Factor | None:
        """Return what the records say of the node; a value that it does not have says nothing."""
        if self.field is None:
            return None
        evidence = (context.measures(self.field)[:, None] == self.constants).astype(np.float64)
        evidence[~evidence.any(axis=1)] = 1.0
        return Factor((self.name,), evidence, by_row=True)


@dataclass(frozen=True, slots=True, eq=False)
class ContinuousNode:
    """A node with a distribution for each combination of its parents' values."""

    name: str
    parents: tuple[str, ...]
    shape: tuple[int, ...]
    distributions: dict[tuple[int, ...], Distribution]
    field: Field | None

    def read(self, context: Context) -> Factor | None:
        """Return the density of each record's value by the parents' values."""
        if self.field is None:
            return None
        values = context.numbers(self.field)
        densities = np.zeros((*self.shape, context.size))
        for place, distribution in self.distributions.items():
            densities[place] = distribution.density(context, values)
        densities[..., np.isnan(values)] = 1.0
        return Factor(self.parents, np.moveaxis(densities, -1, 0), by_row=True)

    def means(self, context: Context) -> Factor:
        """Return the mean of the node by the parents' values."""
        means = np.zeros((*self.shape, context.size))
        for place, distribution in self.distributions.items():
            means[place] = distribution.mean(context)
        return Factor(self.parents, np.moveaxis(means, -1, 0), by_row=True)


def list_values(element: Element) -> dict[str, list[str]]:
    """List the discrete nodes of a network with their values."""
    nodes: dict[str, list[str]] = {}
    for node in element.find_all("DiscreteNode"):
        holders = [node, *node.find_all("DiscreteConditionalProbability")]
        found = [child.require("value") for holder in holders for child in holder.find_all("ValueProbability")]
        name = node.require("name")
        if not found:
            raise malformed(node, f"the node {name!r} has no probabilities")
        if name in nodes:
            raise malformed(node, f"the node {name!r} is given twice")
        nodes[name] = list(dict.fromkeys(found))
    return nodes


def compile_discrete(element: Element, values: dict[str, list[str]], scope: Scope, target: str) -> DiscreteNode:
    """Compile a DiscreteNode; ``values`` are those of all discrete nodes."""
    name = element.require("name")
    own = values[name]
    conditions = element.find_all("DiscreteConditionalProbability")
    parents = _list_parents(element, conditions, values)
    table = np.zeros((len(own), *(len(values[parent]) for parent in parents)))
    for holder in conditions or [element]:
        place = _find_place(holder, parents, values)
        for child in holder.find_all("ValueProbability"):
            probability = child.number("probability")
            if not probability >= 0:
                raise malformed(child, f"the probability {probability!r} is below 0")
            table[own.index(child.require("value")), *place] = probability
    field = None if name == target else scope.field(name, element)
    constants = np.array([field.constant(element, value) for value in own]) if field else np.empty(0)
    return DiscreteNode(name, own, Factor((name, *parents), table, by_row=False), field, constants)


def compile_continuous(element: Element, values: dict[str, list[str]], scope: Scope, target: str) -> ContinuousNode:
    """Compile a ContinuousNode."""
    name = element.require("name")
    conditions = element.find_all("ContinuousConditionalProbability")
    parents = _list_parents(element, conditions, values)
    distributions = {
        _find_place(holder, parents, values): compile_distribution(holder, scope) for holder in conditions or [element]
    }
    field = None if name == target else scope.field(name, element)
    if field is not None and field.type.is_text:
        raise malformed(element, f"the field {name!r} holds text; it must be numeric")
    return ContinuousNode(name, parents, tuple(len(values[parent]) for parent in parents), distributions, field)


def _list_parents(element: Element, conditions: list[Element], values: dict[str, list[str]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for condition in conditions:
        for child in condition.find_all("ParentValue"):
            parent = child.require("parent")
            if parent not in values:
                raise malformed(child, f"the parent {parent!r} is no discrete node")
            if child.require("value") not in values[parent]:
                raise malformed(child, f"the parent {parent!r} has no value {child.get('value')!r}")
            found[parent] = None
    cells = 1
    for parent in found:
        cells *= len(values[parent])
    if element.get("name") in found:
        raise malformed(element, f"the node {element.get('name')!r} is its own parent")
    if cells * len(values.get(element.get("name"), [""])) > MAX_CELLS or len(found) >= MAX_VARIABLES:
        raise unsupported(element, f"its {len(found)} parents have too many combinations of values")
    return tuple(found)


def _find_place(holder: Element, parents: tuple[str, ...], values: dict[str, list[str]]) -> tuple[int, ...]:
    given = {child.require("parent"): child.require("value") for child in holder.find_all("ParentValue")}
    missing = [parent for parent in parents if parent not in given]
    if missing:
        raise malformed(holder, f"it names no value of the parent {missing[0]!r}")
    return tuple(values[parent].index(given[parent]) for parent in parents)
