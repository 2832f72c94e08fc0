"""TreeModel. Standard: "Tree Model", and "Model Composition" on regressions in nodes, PMML 4.4.

The parts of a tree are in ``trees``. The result of rows that end in a node with a Regression is that of the regression,
and the node's own where a value that the regression needs is missing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headrace.formats.pmml.columns import Column, Numbers, Texts
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT
from headrace.formats.pmml.elements import regression
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.merging import merge_results
from headrace.formats.pmml.result import Evaluator, Result, choose_label
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.transformations import define_transformations
from headrace.formats.pmml.trees.nodes import Ints, require_root
from headrace.formats.pmml.trees.reading import NodeCollector
from headrace.formats.pmml.trees.tree import WEIGHTED, Tree, compile_tree
from headrace.formats.pmml.trees.weighted import evaluate_weighted
from headrace.formats.pmml.xml import Element, unsupported

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


class ComposedEvaluator:
    """Scores a tree some of whose nodes hold regressions."""

    def __init__(self, tree: Tree, regressions: dict[int, Evaluator]) -> None:
        self._tree = tree
        self._regressions = regressions

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        leaves, detours = self._tree.find_nodes(self._tree.matrix.fill(context))
        result = make_result(self._tree, leaves, detours)
        for node, embedded in self._regressions.items():
            rows = np.flatnonzero(leaves == node)
            if len(rows):
                found = embedded.evaluate(context.subset(rows)).place(rows, context.size)
                result = replace(merge_results(result, found, ~found.value.missing()), entity=result.entity)
        return result


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
    tree = compile_tree(element, scope, info)
    embedded = tree.nodes.embedded.tolist()
    if not embedded:
        return TreeEvaluator(tree)
    if tree.strategy in WEIGHTED:
        raise unsupported(element, f"{tree.strategy} over regressions in nodes is not supported")
    children = tree.nodes.element.children[-len(embedded) :]
    regressions = [_compile_regression(child, scope, info) for child in children]
    return ComposedEvaluator(tree, dict(zip(embedded, regressions, strict=True)))


def _compile_regression(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a Regression: as a RegressionModel within the names of the tree."""
    inner = scope.child()
    define_transformations(element.find("LocalTransformations"), inner)
    function = element.get("functionName", info.function)
    return regression.compile_element(element, inner, replace(info, function=function))
