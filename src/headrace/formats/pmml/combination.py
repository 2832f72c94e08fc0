"""How the results of segments become one: votes, means, sums, medians, maxima.

Standard: "Multiple Models", multipleModelMethod and missingPredictionTreatment, PMML 4.4. A missing prediction

- returnMissing: makes the whole result missing;
- skipSegment: is left out, unless the (weighted) share of missing ones is above missingThreshold;
- continue: counts as one more class in a vote, and otherwise makes the result missing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headrace.formats.pmml.columns import Bools, Floats, Numbers, Texts, cast
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT, STRING
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.result import Result, choose_label

VOTES = ("majorityVote", "weightedMajorityVote")
MEANS = ("average", "weightedAverage")
SUMS = ("sum", "weightedSum", "x-weightedSum")
MEDIANS = ("median", "weightedMedian", "x-weightedMedian")
COMBINED = frozenset({*VOTES, *MEANS, *SUMS, *MEDIANS, "max"})


class Combination:
    """One method with its treatment of missing predictions."""

    def __init__(
        self, method: str, info: ModelInfo, treatment: str, threshold: float, single: bool, start: float = 0.0
    ) -> None:
        self.method = method
        self.info = info
        self.treatment = treatment
        self.threshold = threshold
        self.single = single
        self.start = start
        """What a sum of numbers starts from."""

    @property
    def weighted(self) -> bool:
        """Tell whether segments count by their weights."""
        return "eighted" in self.method

    @property
    def votes(self) -> bool:
        """Tell whether classes are counted."""
        return self.method in VOTES

    def combine(self, results: Sequence[Result | None], taken: Bools, weights: Floats, size: int) -> Result:
        """Combine results; ``taken`` (segments, rows) tells which segments take part in which rows."""
        if not self.weighted:
            weights = np.ones(len(results))
        if self.votes or self.info.function == "clustering":
            return self._vote(results, taken, weights, size)
        if self.info.is_classification:
            return self._combine_classes(results, taken, weights, size)
        return self._combine_numbers(results, taken, weights, size)

    def _combine_numbers(self, results: Sequence[Result | None], taken: Bools, weights: Floats, size: int) -> Result:
        dtype = np.float32 if self.single else np.float64
        values = np.full((len(results), size), np.nan, dtype=dtype)
        for place, result in enumerate(results):
            if result is not None:
                column = cast(result.value, DOUBLE) if isinstance(result.value, Texts) else result.value
                assert isinstance(column, Numbers)
                values[place] = column.values
        lost, values, taken = self._treat(values, taken, weights)
        combined = reduce_values(self.method, values, taken, weights.astype(dtype), self.start)
        combined[lost] = np.nan
        return Result(Numbers(combined.astype(dtype), FLOAT if self.single else DOUBLE))

    def _treat(self, values: Floats, taken: Bools, weights: Floats) -> tuple[Bools, Floats, Bools]:
        """Return the rows that are missing as a whole, and the values and segments that count."""
        missing = np.isnan(values) & taken
        share = (missing * weights[:, None]).sum(axis=0)
        if self.treatment == "skipSegment":
            with np.errstate(invalid="ignore", divide="ignore"):
                lost = share / (taken * weights[:, None]).sum(axis=0) > self.threshold
            taken = taken & ~missing
        else:
            lost = missing.any(axis=0)
        return lost | ~taken.any(axis=0), values, taken

    def _combine_classes(self, results: Sequence[Result | None], taken: Bools, weights: Floats, size: int) -> Result:
        labels = self._labels(results)
        index = {label: place for place, label in enumerate(labels)}
        stacked = np.full((len(results), size, len(labels)), np.nan)
        for place, result in enumerate(results):
            if result is None:
                continue
            matrix = result.probabilities
            if matrix is None:
                matrix = _certain(result.value, index, size)
                stacked[place] = matrix
            else:
                stacked[place][~np.isnan(matrix).any(axis=1)] = 0.0
                stacked[place][:, [index[label] for label in result.labels]] = matrix
        lost, _, taken = self._treat(stacked.sum(axis=2), taken, weights)
        probabilities = np.empty((size, len(labels)))
        for place in range(len(labels)):
            probabilities[:, place] = reduce_values(self.method, stacked[:, :, place], taken, weights)
        if self.method in (*MEDIANS, "max"):
            probabilities = self._normalize(stacked, taken, probabilities)
        probabilities[lost] = np.nan
        return Result(choose_label(labels, probabilities), labels, probabilities)

    def _normalize(self, stacked: Floats, taken: Bools, probabilities: Floats) -> Floats:
        """Bring medians to a sum of one; for max take the whole distribution of the segment that is surest."""
        if self.method == "max":
            surest = np.where(taken, np.nan_to_num(stacked.max(axis=2), nan=-1.0), -1.0).argmax(axis=0)
            picked: Floats = stacked[surest, np.arange(stacked.shape[1])]
            return picked
        with np.errstate(invalid="ignore"):
            shares: Floats = probabilities / probabilities.sum(axis=1, keepdims=True)
        return shares

    def _vote(self, results: Sequence[Result | None], taken: Bools, weights: Floats, size: int) -> Result:
        labels = self._labels(results)
        index = {label: place for place, label in enumerate(labels)}
        votes = np.zeros((size, len(labels) + 1))
        rows = np.arange(size)
        for place, result in enumerate(results):
            if result is not None:
                codes = _label_codes(result.value, index)
                votes[rows, codes] += weights[place] * taken[place]
        return self.count_votes(votes, labels, (taken * weights[:, None]).sum(axis=0))

    def count_votes(self, votes: Floats, labels: Sequence[str], total: Floats) -> Result:
        """Decide a vote; the last column of ``votes`` counts missing predictions, ``total`` all segments."""
        votes, missing = votes[:, :-1], votes[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.treatment == "returnMissing":
                lost = missing > 0
            elif self.treatment == "skipSegment":
                lost = missing / total > self.threshold
            else:
                lost = missing > votes.max(axis=1, initial=0.0)
            probabilities = votes / votes.sum(axis=1, keepdims=True)
        probabilities[lost] = np.nan
        return Result(choose_label(labels, probabilities), labels, probabilities)

    def _labels(self, results: Sequence[Result | None]) -> list[str]:
        """Return all classes: the target's own first, then in the order of the segments."""
        labels = dict.fromkeys(self.info.target_values)
        for result in results:
            if result is not None:
                labels.update(dict.fromkeys(result.labels))
                if not result.labels:
                    column = cast(result.value, STRING)
                    assert isinstance(column, Texts)
                    labels.update(dict.fromkeys(column.categories))
        return list(labels)


def _label_codes(value: Numbers | Texts, index: dict[str, int]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    texts = cast(value, STRING)
    assert isinstance(texts, Texts)
    table = np.array([index.get(text, -1) for text in texts.categories] + [-1], dtype=np.int32)
    return table[texts.codes]


def _certain(value: Numbers | Texts, index: dict[str, int], size: int) -> Floats:
    codes = _label_codes(value, index)
    matrix = np.zeros((size, len(index)))
    matrix[np.arange(size), codes] = 1.0
    matrix[codes < 0] = np.nan
    return matrix


def reduce_values(method: str, values: Floats, taken: Bools, weights: Floats, start: float = 0.0) -> Floats:
    """Reduce (segments, rows) to rows over the segments that are taken."""
    if method in MEDIANS:
        return _median(values, taken, weights)
    if method == "max":
        best: Floats = np.where(taken, values, -np.inf).max(axis=0)
        return best
    total = np.full(values.shape[1], start, dtype=values.dtype)
    weight = np.zeros(values.shape[1], dtype=values.dtype)
    for place in range(len(values)):
        total = total + np.where(taken[place], values[place] * weights[place], 0).astype(values.dtype)
        weight = weight + np.where(taken[place], weights[place], 0).astype(values.dtype)
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / weight if method in MEANS else total


def _median(values: Floats, taken: Bools, weights: Floats) -> Floats:
    """Return the (weighted) median of each row: the mean of the two middle values where the middle falls between."""
    order = np.argsort(np.where(taken, values, np.inf), axis=0, kind="stable")
    ordered = np.take_along_axis(np.where(taken, values, np.inf), order, axis=0)
    heights = np.take_along_axis(np.where(taken, weights[:, None], 0.0), order, axis=0)
    reached = np.cumsum(heights, axis=0)
    half = reached[-1] / 2
    rows = np.arange(values.shape[1])
    low = ordered[(reached >= half * (1 - 1e-12)).argmax(axis=0), rows]
    high = ordered[(reached > half * (1 + 1e-12)).argmax(axis=0), rows]
    middle: Floats = (low + high) / 2
    return middle.astype(values.dtype)
