"""From neighbours to a prediction. Standard: "k-Nearest Neighbors", scoring methods, PMML 4.4.

A weighted neighbour counts by 1 / (distance + threshold), or by similarity + threshold. Of classes with equal votes
the one more frequent among the training instances wins, then the first in alphabetical order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Bools, Floats, Numbers, Texts
from headrace.formats.pmml.features import find_label
from headrace.formats.pmml.kernels.distances import Ints
from headrace.formats.pmml.result import Result

CATEGORICAL = frozenset({"majorityVote", "weightedMajorityVote"})
CONTINUOUS = frozenset({"average", "median", "weightedAverage"})


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Each row's neighbours, best first: their places among the instances (-1: none) and weights."""

    places: Ints
    weights: Floats

    @property
    def known(self) -> Bools:
        """Tell which neighbours there are."""
        return self.places >= 0


class ClassTarget:
    """A target whose values are classes."""

    def __init__(self, texts: list[str], declared: tuple[str, ...], method: str) -> None:
        self._labels = list(declared)
        self._codes = np.array([self._find(text) for text in texts], dtype=np.int32)
        self._weighted = method == "weightedMajorityVote"
        counts = np.bincount(self._codes[self._codes >= 0], minlength=len(self._labels))
        order = sorted(range(len(self._labels)), key=lambda place: (-counts[place], self._labels[place]))
        self._order = np.array(order, dtype=np.int32)

    def _find(self, text: str) -> int:
        if not text:
            return -1
        place = find_label(text, self._labels)
        if place is None:
            place = len(self._labels)
            self._labels.append(text)
        return place

    def predict(self, neighbours: Neighbours) -> Result:
        """Let the neighbours vote; the probability of a class is its share."""
        codes = np.where(neighbours.known, self._codes[neighbours.places], -1)
        weights = neighbours.weights if self._weighted else np.ones(codes.shape)
        votes = np.zeros((len(codes), len(self._labels)))
        rows = np.arange(len(codes))
        for rank in range(codes.shape[1]):
            voting = codes[:, rank] >= 0
            votes[rows[voting], codes[voting, rank]] += weights[voting, rank]
        total = votes.sum(axis=1, keepdims=True)
        shares = np.where(total > 0.0, votes / np.where(total > 0.0, total, 1.0), np.nan)
        winners = self._order[votes[:, self._order].argmax(axis=1)]
        value = Texts(np.where(total[:, 0] > 0.0, winners, -1).astype(np.int32), self._labels)
        return Result(value, self._labels, shares)


class NumberTarget:
    """A target whose values are numbers."""

    def __init__(self, values: Floats, method: str) -> None:
        self._values = values
        self._method = method

    def predict(self, neighbours: Neighbours) -> Result:
        """Take the mean or the median of the neighbours' values."""
        values = np.where(neighbours.known, self._values[neighbours.places], np.nan)
        held = ~np.isnan(values)
        found = held.any(axis=1)
        predicted = np.full(len(values), np.nan)
        if self._method == "median":
            predicted[found] = np.nanmedian(values[found], axis=1)
        else:
            weights = neighbours.weights if self._method == "weightedAverage" else np.ones(values.shape)
            weights = np.where(held, weights, 0.0)
            total = weights.sum(axis=1)
            predicted[found] = (np.where(held, values, 0.0) * weights).sum(axis=1)[found] / total[found]
        return Result(Numbers(predicted))
