"""NaiveBayesModel. Standard: "Naive Bayes", PMML 4.4.

Rules:

- A class's likelihood is its share of the target's counts, times the probability of each input's value in that class.
- Of a discrete input that is the value's count over all counts of the input in the class; the model's threshold stands
  for a count of zero. Of a continuous one it is the density, and never below the threshold. Up to PMML 4.1 continuous
  inputs stood within extensions; there, as in R that wrote them, the threshold stands only for a density of zero.
- A missing value says nothing, and neither does one that the model has no counts for.

Likelihoods are summed as logarithms, so that many inputs do not run out of small numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.datatypes import read_type
from headrace.formats.pmml.densities import Density, compile_density, find_distribution
from headrace.formats.pmml.expressions.compiler import compile_expression, find_expression
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.result import Evaluator, Result, choose_label
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed


def _reduce_counts(element: Element) -> None:
    counts = element.find_all("TargetValueCount")
    element.table = {
        "values": [child.require("value") for child in counts],
        "counts": np.array([child.number("count") for child in counts], dtype=np.float64),
    }
    element.children = []


REDUCERS = {"TargetValueCounts": _reduce_counts}
_UNDERFLOW = math.log(5e-324)
"""The logarithm of the least number above zero in double precision."""


@dataclass(frozen=True, slots=True, eq=False)
class DiscreteInput:
    """An input with counts: ``constants`` rising, and for each the logarithms of its probabilities by class."""

    field: Field
    constants: Floats
    logarithms: Floats

    def evaluate(self, context: Context) -> Floats:
        """Return the logarithms of each row's probabilities, (rows, classes); 0 where the value says nothing."""
        values = context.measures(self.field)
        places = np.minimum(np.searchsorted(self.constants, values), len(self.constants) - 1)
        known = self.constants[places] == values
        return np.where(known[:, None], self.logarithms[places], 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class ContinuousInput:
    """An input with a distribution a class; None for a class without one. A density up to ``floor`` is ``least``."""

    field: Field
    densities: list[Density | None]
    floor: float
    least: float

    def evaluate(self, context: Context) -> Floats:
        """Return the logarithms of each row's densities, (rows, classes); 0 where the value is missing."""
        values = context.numbers(self.field)
        columns = np.full((context.size, len(self.densities)), self.least)
        for place, density in enumerate(self.densities):
            if density is not None:
                logarithms = density(values)
                columns[:, place] = np.where(logarithms <= self.floor, self.least, logarithms)
        columns[np.isnan(values)] = 0.0
        return columns


class NaiveBayes:
    """Predicts the class of the greatest likelihood."""

    def __init__(self, labels: list[str], priors: Floats, inputs: list[DiscreteInput | ContinuousInput]) -> None:
        self._labels = labels
        self._priors = priors
        self._inputs = inputs

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        with np.errstate(all="ignore"):
            likelihoods = np.tile(self._priors, (context.size, 1))
            for entry in self._inputs:
                likelihoods += entry.evaluate(context)
            likelihoods = np.exp(likelihoods - likelihoods.max(axis=1, keepdims=True))
            probabilities = likelihoods / likelihoods.sum(axis=1, keepdims=True)
        return Result(choose_label(self._labels, probabilities), self._labels, probabilities)


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a NaiveBayesModel."""
    if not info.is_classification:
        raise malformed(element, f"functionName={info.function!r}; it predicts a class")
    threshold = element.number("threshold")
    if not 0.0 <= threshold < 1.0:
        raise malformed(element, f"the threshold {threshold!r} is no probability")
    output = element.child("BayesOutput").child("TargetValueCounts")
    labels, counts = _read_counts(output)
    if not labels or not np.all(counts >= 0) or not 0 < counts.sum() < np.inf:
        raise malformed(output, "it counts no target value")
    holder = element.child("BayesInputs")
    found = [(child, False) for child in holder.find_all("BayesInput")]
    found += [(child, True) for extension in holder.find_all("Extension") for child in extension.find_all("BayesInput")]
    inputs = [_compile_input(child, scope, labels, threshold, extended=extended) for child, extended in found]
    if not inputs:
        raise malformed(holder, "it holds no BayesInput")
    with np.errstate(divide="ignore"):
        return NaiveBayes(labels, np.log(counts / counts.sum()), inputs)


def _compile_input(
    element: Element, scope: Scope, labels: list[str], threshold: float, *, extended: bool
) -> DiscreteInput | ContinuousInput:
    field = scope.field(element.require("fieldName"), element)
    derived = element.find("DerivedField")
    if derived is not None:
        type = read_type(derived, "string")
        compute = compile_expression(find_expression(derived), scope)
        field = Field(field.name, type, derived.get("optype", "categorical"), compute)
    statistics = element.find("TargetValueStats")
    if statistics is None:
        return _compile_discrete(element, field, labels, threshold)
    if field.type.is_text:
        raise malformed(element, f"the field {field.name!r} holds text; it must be numeric")
    densities: list[Density | None] = [None] * len(labels)
    for child in statistics.find_all("TargetValueStat"):
        place = _find_class(child, child.require("value"), labels)
        densities[place] = compile_density(find_distribution(child))
    with np.errstate(divide="ignore"):
        least = float(np.log(threshold))
    return ContinuousInput(field, densities, _UNDERFLOW if extended else least, least)


def _compile_discrete(element: Element, field: Field, labels: list[str], threshold: float) -> DiscreteInput:
    pairs = element.find_all("PairCounts")
    if not pairs:
        raise malformed(element, "it holds neither PairCounts nor TargetValueStats")
    constants = np.array([field.constant(child, child.require("value")) for child in pairs])
    counts = np.zeros((len(pairs), len(labels)))
    for row, child in enumerate(pairs):
        holder = child.child("TargetValueCounts")
        for name, count in zip(*_read_counts(holder), strict=True):
            counts[row, _find_class(holder, name, labels)] += count
    if len(np.unique(constants)) != len(constants):
        raise malformed(element, "a value has counts twice")
    if not np.all(counts >= 0):
        raise malformed(element, "a count is below 0")
    with np.errstate(all="ignore"):
        shares = counts / counts.sum(axis=0)
        logarithms = np.log(np.where(counts > 0, shares, threshold))
    order = np.argsort(constants)
    return DiscreteInput(field, constants[order], logarithms[order])


def _read_counts(element: Element) -> tuple[list[str], Floats]:
    table = element.table or {}
    return [str(value) for value in table["values"]], np.asarray(table["counts"], dtype=np.float64)


def _find_class(element: Element, name: str, labels: list[str]) -> int:
    if name not in labels:
        raise malformed(element, f"{name!r} is no value of the BayesOutput")
    return labels.index(name)
