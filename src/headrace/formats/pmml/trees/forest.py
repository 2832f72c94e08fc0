"""Forests: trees laid end to end and added up by one kernel.

Trees fit if their tests compare numbers by order, and if the method adds results up: sums, means, votes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Bools, Floats, Numbers
from headrace.formats.pmml.combination import MEANS, SUMS, Combination
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT
from headrace.formats.pmml.kernels import trees
from headrace.formats.pmml.result import Result, choose_label
from headrace.formats.pmml.scope import Context
from headrace.formats.pmml.trees.matrix import Matrix
from headrace.formats.pmml.trees.splits import Splits, split_tree
from headrace.formats.pmml.trees.tree import Tree


class Forest:
    """Trees whose payloads are added up: sums and means of numbers or of probabilities, and votes."""

    def __init__(
        self, matrix: Matrix, splits: list[Splits], payloads: list[Floats], labels: list[str], combination: Combination
    ) -> None:
        self._matrix = matrix
        self._labels = labels
        self._combination = combination
        sizes = [len(tree.left) for tree in splits]
        self._roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
        self._column = np.concatenate([tree.column for tree in splits])
        self._threshold = np.concatenate([tree.threshold for tree in splits])
        shifts = np.repeat(self._roots, sizes)
        self._left = (np.concatenate([tree.left for tree in splits]) + shifts).astype(np.int32)
        self._missing = (np.concatenate([tree.missing for tree in splits]) + shifts).astype(np.int32)
        self._depths = np.array([tree.depth for tree in splits], dtype=np.int32)
        self._payload = np.ascontiguousarray(np.concatenate(payloads))

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        return self._finish(self.add_up(self._matrix.fill(context)))

    def add_up(self, matrix: Floats) -> npt.NDArray[np.floating]:
        """Return the sums of the payloads; the last column counts trees without a prediction."""
        out = np.zeros((len(matrix), self._payload.shape[1]), dtype=self._payload.dtype)
        trees.sum_splits(
            matrix,
            self._column,
            self._threshold,
            self._left,
            self._missing,
            self._roots,
            self._depths,
            self._payload,
            out,
            bool(np.isnan(matrix).any()),
        )
        return out

    def _finish(self, sums: npt.NDArray[np.floating]) -> Result:
        method, count = self._combination.method, len(self._roots)
        values, missing = sums[:, :-1], sums[:, -1]
        if self._combination.votes:
            votes = np.column_stack([values, missing]).astype(np.float64)
            return self._combination.count_votes(votes, self._labels, np.full(len(values), float(count)))
        lost = self._find_lost(missing, count)
        if method in MEANS:
            with np.errstate(invalid="ignore", divide="ignore"):
                values = values / (count - missing)[:, None].astype(values.dtype)
        values[lost] = np.nan
        if not self._labels:
            return Result(Numbers(np.ascontiguousarray(values[:, 0]), FLOAT if values.dtype == np.float32 else DOUBLE))
        probabilities = values.astype(np.float64, copy=False)
        return Result(choose_label(self._labels, probabilities), self._labels, probabilities)

    def _find_lost(self, missing: npt.NDArray[np.floating], count: int) -> Bools:
        if self._combination.treatment == "skipSegment":
            lost: Bools = (missing / count > self._combination.threshold) | (missing == count)
        else:
            lost = missing > 0
        return lost


def fuse(found: Sequence[Tree], combination: Combination) -> Forest | None:
    """Make a forest of trees; None where one of them, or the method, does not fit."""
    if combination.weighted or not (combination.votes or combination.method in (*MEANS, *SUMS)):
        return None
    matrix = Matrix()
    splits: list[Splits] = []
    for tree in found:
        fields = tree.matrix.fields
        split = split_tree(tree) if fields is not None else None
        if fields is None or split is None:
            return None
        places = np.array([matrix.add_field(field) for field in fields] or [0], dtype=np.int32)
        split.column = places[split.column]
        splits.append(split)
    labels = _collect_labels(found, combination)
    payloads = [_payload(tree, split, labels, combination) for tree, split in zip(found, splits, strict=True)]
    if any(payload is None for payload in payloads):
        return None
    return Forest(matrix, splits, [payload for payload in payloads if payload is not None], labels, combination)


def _collect_labels(found: Sequence[Tree], combination: Combination) -> list[str]:
    if not combination.info.is_classification:
        return []
    labels = dict.fromkeys(combination.info.target_values)
    for tree in found:
        labels.update(dict.fromkeys(tree.scores.labels))
    return list(labels)


def _payload(tree: Tree, split: Splits, labels: list[str], combination: Combination) -> Floats | None:
    """Return what each leaf adds: a number, or one a class, and at the end 1 where there is no prediction."""
    scores = tree.scores
    if scores.classifies != bool(labels):
        return None
    if not labels:
        values = scores.numbers[split.score][:, None]
    else:
        places = [labels.index(label) for label in scores.labels]
        spread = np.zeros((len(scores.codes), len(labels)))
        if combination.votes:
            spread[np.arange(len(spread)), np.array([*places, 0])[scores.codes]] = 1.0
            spread[scores.codes < 0] = np.nan
        elif scores.probabilities is None:
            return None
        else:
            spread[:, places] = scores.probabilities
            spread[np.isnan(scores.probabilities).any(axis=1)] = np.nan
        values = spread[split.score]
    absent = np.isnan(values).any(axis=1)
    payload = np.column_stack([np.where(absent[:, None], 0.0, values), absent])
    return payload.astype(np.float32 if combination.single else np.float64)
