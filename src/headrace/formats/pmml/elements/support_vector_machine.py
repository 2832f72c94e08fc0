"""SupportVectorMachineModel. Standard: "Support Vector Machine", PMML 4.4. Vectors and kernels are in ``svm``.

Rules:

- A machine's value is the sum of its coefficients times the kernel of the record and each of its vectors, plus its
  absolute value; in the representation by coefficients, of its coefficients times the record's values.
- A machine with an alternate category decides between two: its category where the value lies below the threshold
  (above it where maxWins), else the alternate. One such machine decides; several vote, and of equals the first wins.
- Machines without alternates stand for a class each: the least value wins, or the greatest where maxWins.
- A class has no probability. Its affinity is its machine's value or its votes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats, Numbers, Texts
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.result import Evaluator, Result
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.svm.kernels import Kernel, compile_kernel
from headrace.formats.pmml.svm.vectors import (
    Values,
    VectorDictionary,
    compile_dictionary,
    reduce_dictionary,
    reduce_vector,
)
from headrace.formats.pmml.targets import is_single
from headrace.formats.pmml.xml import Element, malformed

REPRESENTATIONS = frozenset({"SupportVectors", "Coefficients"})
METHODS = frozenset({"OneAgainstAll", "OneAgainstOne"})
_CELLS = 1 << 22
"""Kernel values held at a time: 32 megabytes."""


def _reduce_support_vectors(element: Element) -> None:
    element.table = {"ids": [child.require("vectorId") for child in element.find_all("SupportVector")]}
    element.children = []


def _reduce_coefficients(element: Element) -> None:
    element.table = {"values": np.array([child.number("value", 0.0) for child in element.find_all("Coefficient")])}
    element.children = []


REDUCERS = {
    "VectorInstance": reduce_vector,
    "VectorDictionary": reduce_dictionary,
    "SupportVectors": _reduce_support_vectors,
    "Coefficients": _reduce_coefficients,
}


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """What a SupportVectorMachine decides about."""

    element: Element
    target: str
    alternate: str
    threshold: float


class Machines:
    """The values of all machines; they share one matrix of coefficients (vectors or fields, machines)."""

    def __init__(
        self,
        dictionary: VectorDictionary,
        kernel: Kernel | None,
        coefficients: Floats,
        absolutes: Floats,
        dtype: type[np.floating],
    ) -> None:
        self._dictionary = dictionary
        self._kernel = kernel
        self._vectors = dictionary.vectors.astype(dtype, copy=False)
        self._coefficients = coefficients.astype(dtype, copy=False)
        self._absolutes = absolutes.astype(dtype, copy=False)
        self._dtype = dtype

    def evaluate(self, context: Context) -> Values:
        """Return the value of each machine, (rows, machines); NaN in a row without a vector."""
        records = self._dictionary.read(context, self._dtype)
        with np.errstate(all="ignore"):
            if self._kernel is None:
                return records @ self._coefficients + self._absolutes
            step = max(1, _CELLS // len(self._vectors))
            parts = [
                self._kernel(records[start : start + step], self._vectors) @ self._coefficients
                for start in range(0, max(1, len(records)), step)
            ]
        values: Values = np.concatenate(parts) + self._absolutes
        values[np.isnan(records).any(axis=1)] = np.nan
        return values


class NumberMachine:
    """Predicts a number: the value of the only machine."""

    def __init__(self, machines: Machines, single: bool) -> None:
        self._machines = machines
        self._single = single

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        value = self._machines.evaluate(context)[:, 0]
        return Result(Numbers(value, FLOAT if self._single else DOUBLE))


class Rivals:
    """Predicts the class of the machine with the least value, or the greatest."""

    def __init__(self, machines: Machines, labels: list[str], max_wins: bool) -> None:
        self._machines = machines
        self._labels = labels
        self._max_wins = max_wins

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        values = self._machines.evaluate(context).astype(np.float64)
        missing = np.isnan(values).any(axis=1)
        best = values.argmax(axis=1) if self._max_wins else values.argmin(axis=1)
        label = Texts(np.where(missing, -1, best).astype(np.int32), self._labels)
        return Result(
            label,
            self._labels,
            entity=label,
            entities=self._labels,
            affinities=values,
            best_is_least=not self._max_wins,
        )


class Votes:
    """Predicts the class with the most votes; each machine votes for one of its two classes."""

    def __init__(self, machines: Machines, pairs: list[Machine], labels: list[str], max_wins: bool) -> None:
        self._machines = machines
        self._labels = labels
        self._thresholds = np.array([pair.threshold for pair in pairs])
        self._targets = np.array([labels.index(pair.target) for pair in pairs])
        self._alternates = np.array([labels.index(pair.alternate) for pair in pairs])
        self._max_wins = max_wins

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        values = self._machines.evaluate(context)
        missing = np.isnan(values).any(axis=1)
        won = values > self._thresholds if self._max_wins else values < self._thresholds
        winners = np.where(won, self._targets, self._alternates)
        votes = np.zeros((context.size, len(self._labels)))
        for machine in range(winners.shape[1]):
            votes[np.arange(context.size), winners[:, machine]] += 1.0
        votes[missing] = np.nan
        label = Texts(np.where(missing, -1, votes.argmax(axis=1)).astype(np.int32), self._labels)
        return Result(label, self._labels, entity=label, entities=self._labels, affinities=votes, best_is_least=False)


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a SupportVectorMachineModel."""
    single = is_single(element)
    dictionary = compile_dictionary(element.child("VectorDictionary"), scope)
    found = element.find_all("SupportVectorMachine")
    if not found:
        raise malformed(element, "it holds no SupportVectorMachine")
    by_vectors = element.choice("svmRepresentation", REPRESENTATIONS, "SupportVectors") == "SupportVectors"
    kernel = compile_kernel(element) if by_vectors else None
    size = len(dictionary.vectors) if by_vectors else len(dictionary.fields)
    coefficients = np.zeros((size, len(found)))
    for column, child in enumerate(found):
        _fill_coefficients(child, dictionary, coefficients[:, column], by_vectors)
    absolutes = np.array([child.child("Coefficients").number("absoluteValue", 0.0) for child in found])
    machines = Machines(dictionary, kernel, coefficients, absolutes, np.float32 if single else np.float64)
    if not info.is_classification:
        if len(found) != 1:
            raise malformed(element, f"a regression has one SupportVectorMachine, not {len(found)}")
        return NumberMachine(machines, single)
    return _compile_classes(element, found, machines, info)


def _fill_coefficients(element: Element, dictionary: VectorDictionary, column: Floats, by_vectors: bool) -> None:
    """Put a machine's coefficients in the places of its vectors, or of the fields."""
    holder = element.child("Coefficients")
    values = np.asarray((holder.table or {})["values"], dtype=np.float64)
    if not by_vectors:
        if len(values) != len(column):
            raise malformed(holder, f"it holds {len(values)} coefficients for {len(column)} fields")
        column[:] = values
        return
    listed = element.child("SupportVectors")
    names = [str(name) for name in (listed.table or {})["ids"]]
    if len(names) != len(values):
        raise malformed(holder, f"it holds {len(values)} coefficients for {len(names)} support vectors")
    unknown = [name for name in names if name not in dictionary.ids]
    if unknown:
        raise malformed(listed, f"there is no vector {unknown[0]!r}")
    np.add.at(column, [dictionary.ids[name] for name in names], values)


def _compile_classes(element: Element, found: list[Element], machines: Machines, info: ModelInfo) -> Evaluator:
    threshold = element.number("threshold", 0.0)
    pairs = [
        Machine(
            child,
            child.require("targetCategory"),
            child.get("alternateTargetCategory"),
            child.number("threshold", threshold),
        )
        for child in found
    ]
    if len(pairs) == 1 and not pairs[0].alternate:
        pairs = [_complete(element, pairs[0], info)]
    method = element.choice("classificationMethod", METHODS, "") if "classificationMethod" in element.attributes else ""
    max_wins = element.flag("maxWins")
    paired = len(pairs) == 1 or method == "OneAgainstOne" or (not method and all(pair.alternate for pair in pairs))
    if not paired:
        labels = [pair.target for pair in pairs]
        if len(set(labels)) != len(labels):
            raise malformed(element, "a class has two machines; OneAgainstAll has one each")
        return Rivals(machines, labels, max_wins)
    for pair in pairs:
        if not pair.alternate:
            raise malformed(pair.element, "the attribute 'alternateTargetCategory' is missing")
    named = dict.fromkeys(name for pair in pairs for name in (pair.target, pair.alternate))
    declared = [name for name in dict.fromkeys(info.target_values) if name in named]
    return Votes(machines, pairs, declared if len(declared) == len(named) else list(named), max_wins)


def _complete(element: Element, machine: Machine, info: ModelInfo) -> Machine:
    """Find the other class of the only machine: up to PMML 4.0 the model names it."""
    others = [name for name in info.target_values if name != machine.target]
    alternate = element.get("alternateBinaryTargetCategory") or (others[0] if len(others) == 1 else "")
    if not alternate:
        raise malformed(machine.element, "the attribute 'alternateTargetCategory' is missing")
    return Machine(machine.element, machine.target, alternate, machine.threshold)
