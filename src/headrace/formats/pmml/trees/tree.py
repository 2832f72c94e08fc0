"""One compiled tree. Standard: "Tree Model", PMML 4.4."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.kernels import trees
from headrace.formats.pmml.scope import Scope
from headrace.formats.pmml.targets import is_single
from headrace.formats.pmml.trees.matrix import Matrix, Tests, compile_tests
from headrace.formats.pmml.trees.nodes import Ints, NodeTable, read_nodes
from headrace.formats.pmml.trees.scores import Scores
from headrace.formats.pmml.xml import Element

STRATEGIES = {
    "none": trees.UNKNOWN_IS_FALSE,
    "lastPrediction": trees.UNKNOWN_STOPS,
    "nullPrediction": trees.UNKNOWN_IS_NULL,
    "defaultChild": trees.UNKNOWN_TO_DEFAULT,
    "weightedConfidence": trees.UNKNOWN_IS_FALSE,
    "aggregateNodes": trees.UNKNOWN_IS_FALSE,
}
WEIGHTED = ("weightedConfidence", "aggregateNodes")
NO_TRUE_CHILD = frozenset({"returnNullPrediction", "returnLastPrediction"})


@dataclass(slots=True, eq=False)
class Tree:
    """A compiled tree."""

    nodes: NodeTable
    tests: Tests
    scores: Scores
    strategy: str
    penalty: float
    stops_at_last: bool
    matrix: Matrix

    def find_nodes(self, matrix: Floats) -> tuple[Ints, Ints]:
        """Return for each row the node whose score it takes (-1: none), and the number of default children taken."""
        leaves = np.empty(len(matrix), dtype=np.int32)
        detours = np.zeros(len(matrix), dtype=np.int32)
        nodes, tests = self.nodes, self.tests
        trees.walk_general(
            matrix,
            nodes.first,
            nodes.count,
            tests.column,
            tests.operator,
            tests.constant,
            tests.members,
            tests.member_start,
            nodes.default,
            STRATEGIES[self.strategy],
            self.stops_at_last,
            leaves,
            detours,
        )
        return leaves, detours


def compile_tree(element: Element, scope: Scope, info: ModelInfo, matrix: Matrix | None = None) -> Tree:
    """Compile a TreeModel; trees of a forest share a matrix."""
    nodes = read_nodes(element)
    strategy = element.choice("missingValueStrategy", STRATEGIES, "none")
    no_true = element.choice("noTrueChildStrategy", NO_TRUE_CHILD, "returnNullPrediction")
    matrix = Matrix() if matrix is None else matrix
    return Tree(
        nodes,
        compile_tests(nodes, scope, matrix),
        Scores(nodes, info, is_single(element)),
        strategy,
        element.number("missingValuePenalty", 1.0),
        no_true == "returnLastPrediction",
        matrix,
    )
