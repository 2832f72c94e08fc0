"""The missing-value strategies of a tree that follow every branch that may hold: weightedConfidence, aggregateNodes.

A row goes down all children whose predicate is not false once the first that is not false is unknown. With
weightedConfidence each branch weighs its share of the siblings' records; with aggregateNodes the record counts of all
leaves that are reached are added up. Standard: "Tree Model", missingValueStrategy, PMML 4.4.
"""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Bools, Floats, Numbers, Rows
from headrace.formats.pmml.kernels import trees
from headrace.formats.pmml.result import Result, choose_label
from headrace.formats.pmml.trees.tree import Tree


def evaluate_weighted(tree: Tree, matrix: Floats) -> Result:
    """Score rows; a row none of whose branches ends in a score is missing."""
    payload = _payload(tree)
    totals = np.zeros((len(matrix), payload.shape[1]))
    weights = np.zeros(len(matrix))
    for node, rows, shares in _reach(tree, matrix):
        score = payload[node]
        if not np.isnan(score).any():
            totals[rows] += shares[:, None] * score
            weights[rows] += shares
    with np.errstate(invalid="ignore", divide="ignore"):
        if tree.scores.classifies:
            sums = totals.sum(axis=1, keepdims=True) if tree.strategy == "aggregateNodes" else weights[:, None]
            matrix = np.where(weights[:, None] > 0, totals / sums, np.nan)
            return Result(choose_label(tree.scores.labels, matrix), tree.scores.labels, matrix, matrix)
        return Result(Numbers(np.where(weights > 0, totals[:, 0] / weights, np.nan)))


def _payload(tree: Tree) -> Floats:
    scores = tree.scores
    if not scores.classifies:
        return scores.numbers.astype(np.float64)[:, None]
    if tree.strategy == "aggregateNodes" and scores.counts is not None:
        return scores.counts
    found = scores.confidences if scores.confidences is not None else scores.probabilities
    if found is not None:
        return found
    certain = np.zeros((len(scores.codes), len(scores.labels)))
    certain[np.arange(len(scores.codes)), scores.codes] = 1.0
    certain[scores.codes < 0] = np.nan
    return certain


def _reach(tree: Tree, matrix: Floats) -> list[tuple[int, Rows, Floats]]:
    """Return the nodes where rows end, each with its rows and their shares."""
    nodes = tree.nodes
    everything = np.arange(len(matrix))
    start = everything[_answers(tree, 0, matrix) == 1]
    stack = [(0, start, np.ones(len(start)))]
    ends: list[tuple[int, Rows, Floats]] = []
    while stack:
        node, rows, shares = stack.pop()
        if not len(rows):
            continue
        if not nodes.count[node]:
            ends.append((node, rows, shares))
            continue
        children = range(int(nodes.first[node]), int(nodes.first[node] + nodes.count[node]))
        answers = np.stack([_answers(tree, child, matrix[rows]) for child in children])
        taken = _choose(answers, tree, children)
        for child, part in zip(children, taken, strict=True):
            reached = part > 0
            stack.append((child, rows[reached], shares[reached] * part[reached]))
        lost = ~(taken > 0).any(axis=0)
        if tree.stops_at_last and lost.any():
            ends.append((node, rows[lost], shares[lost]))
    return ends


def _choose(answers: Floats, tree: Tree, children: range) -> Floats:
    """Return each child's share of each row: all of it for a first child that is true, else by records."""
    possible = answers != 0
    first = possible.argmax(axis=0)
    columns = np.arange(answers.shape[1])
    certain = answers[first, columns] == 1
    shares: Floats = possible.astype(np.float64)
    if tree.strategy == "weightedConfidence":
        records = np.nan_to_num(tree.nodes.records[children.start : children.stop])
        if records.sum() > 0:
            shares *= records[:, None]
        with np.errstate(invalid="ignore"):
            shares = np.nan_to_num(shares / shares.sum(axis=0))
    shares[:, certain] = 0.0
    shares[first[certain], columns[certain]] = 1.0
    return shares


def _answers(tree: Tree, node: int, matrix: Floats) -> Floats:
    """Answer a node's test for rows: 1, 0, NaN."""
    tests = tree.tests
    operator = int(tests.operator[node])
    if operator in (trees.TRUE, trees.FALSE):
        return np.full(len(matrix), 1.0 if operator == trees.TRUE else 0.0, dtype=np.float64)
    values, constant = matrix[:, tests.column[node]], tests.constant[node]
    missing = np.isnan(values)
    if operator in (trees.IS_MISSING, trees.IS_NOT_MISSING):
        return encode(missing == (operator == trees.IS_MISSING))
    if operator in (trees.IS_IN, trees.IS_NOT_IN):
        members = tests.members[tests.member_start[node] : tests.member_start[node + 1]]
        answer = np.isin(values, members) == (operator == trees.IS_IN)
    else:
        answer = _COMPARE[operator](values, constant)
    return np.where(missing, np.nan, encode(answer))


def encode(answers: Bools) -> Floats:
    """Write answers as 1 and 0."""
    numbers: Floats = answers.astype(np.float64)
    return numbers


_COMPARE = {
    trees.EQUAL: np.equal,
    trees.NOT_EQUAL: np.not_equal,
    trees.LESS: np.less,
    trees.LESS_OR_EQUAL: np.less_equal,
    trees.GREATER: np.greater,
    trees.GREATER_OR_EQUAL: np.greater_equal,
}
