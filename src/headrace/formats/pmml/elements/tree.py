"""TreeModel. Standard: "Tree Model", PMML 4.4. The parts of a tree are in ``trees``."""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Column, Numbers, Texts
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.result import Evaluator, Result, choose_label
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.trees.nodes import Ints, require_root
from headrace.formats.pmml.trees.reading import NodeCollector
from headrace.formats.pmml.trees.tree import WEIGHTED, Tree, compile_tree
from headrace.formats.pmml.trees.weighted import evaluate_weighted
from headrace.formats.pmml.xml import Element

REDUCERS = {"TreeModel": require_root}
COLLECTORS = {"Node": NodeCollector}


class TreeEvaluator:
    """Scores one tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        tree = self.tree
        matrix = tree.matrix.fill(context)
        if tree.strategy in WEIGHTED:
            return evaluate_weighted(tree, matrix)
        leaves, detours = tree.find_nodes(matrix)
        return make_result(tree, leaves, detours)


def make_result(tree: Tree, leaves: Ints, detours: Ints) -> Result:
    """Make the result of rows whose nodes are known."""
    scores = tree.scores
    entity = Texts(leaves, scores.ids) if len(scores.ids) else None
    if not scores.classifies:
        value: Column = Numbers(scores.numbers[leaves], FLOAT if scores.single else DOUBLE)
        return Result(value, entity=entity)
    value = Texts(scores.codes[leaves], scores.labels)
    if scores.probabilities is None:
        return Result(value, labels=scores.labels, entity=entity)
    probabilities = scores.probabilities[leaves]
    confidences = None if scores.confidences is None else scores.confidences[leaves]
    if tree.penalty != 1.0 and detours.any():
        confidences = (probabilities if confidences is None else confidences) * (tree.penalty**detours)[:, None]
    if (value.codes < 0).any():
        value = _fill_labels(value, choose_label(scores.labels, probabilities))
    return Result(value, scores.labels, probabilities, confidences, entity)


def _fill_labels(value: Texts, likeliest: Texts) -> Texts:
    return Texts(np.where(value.codes < 0, likeliest.codes, value.codes).astype(np.int32), value.categories)


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a TreeModel."""
    return TreeEvaluator(compile_tree(element, scope, info))
