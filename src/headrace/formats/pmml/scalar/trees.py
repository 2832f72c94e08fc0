"""TreeModel and forests of one record.

A single tree is walked here, in lists; a record in which a value is missing takes the kernel's walk. A forest takes its
kernel, over one row.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from headrace.formats.pmml.datatypes import DOUBLE, FLOAT, STRING
from headrace.formats.pmml.elements.tree import TreeEvaluator, make_result
from headrace.formats.pmml.kernels import trees as kernel
from headrace.formats.pmml.scalar.expressions import find_code, find_number
from headrace.formats.pmml.scalar.outcome import Outcome, add_classes
from headrace.formats.pmml.scalar.plan import Plan, Term
from headrace.formats.pmml.scalar.program import name, pick
from headrace.formats.pmml.scalar.walks import look_up_rows, write_forest, write_tree
from headrace.formats.pmml.scalar.ways import NoPlan, Unsettled
from headrace.formats.pmml.scope import Field
from headrace.formats.pmml.trees.forest import Forest
from headrace.formats.pmml.trees.nodes import Ints
from headrace.formats.pmml.trees.tree import WEIGHTED, Tree

Test = Callable[[float, Any], bool]
Branch = tuple[int, Test, Any, int]
"""A column, what compares its value with a constant, the constant, and the node where it leads."""

_TESTS: dict[int, Test] = {
    kernel.TRUE: lambda *_: True,
    kernel.FALSE: lambda *_: False,
    kernel.EQUAL: operator.eq,
    kernel.NOT_EQUAL: operator.ne,
    kernel.LESS: operator.lt,
    kernel.LESS_OR_EQUAL: operator.le,
    kernel.GREATER: operator.gt,
    kernel.GREATER_OR_EQUAL: operator.ge,
    kernel.IS_MISSING: lambda *_: False,
    kernel.IS_NOT_MISSING: lambda *_: True,
    kernel.IS_IN: lambda value, members: value in members,
    kernel.IS_NOT_IN: lambda value, members: value not in members,
}
"""What each test says of a value that is not missing."""


def compile_forest(plan: Plan, forest: Forest) -> Outcome:
    """Compile a forest whose results are added up plainly."""
    if not forest.adds_plainly:
        raise NoPlan("a forest with a method of its own")

    def add_up(*values: float) -> list[float]:
        sums = forest.add_up_one(np.array([values]))
        if sums is None:
            raise Unsettled
        return sums

    width = len(forest.labels) or 1
    sums = plan.add_step(add_up, _find_columns(plan, forest.fields), form=write_forest(forest), width=width)
    if forest.labels:
        return add_classes(plan, forest.labels, sums)
    place = plan.add_step(itemgetter(0), [sums], ("pick", 0), form=pick(0))
    return Outcome(Term(place, FLOAT if forest.single else DOUBLE))


def _find_columns(plan: Plan, fields: list[Field]) -> list[int]:
    """Return the places of the numbers that trees test; a text is its code, as in ``Matrix.fill``."""
    places = []
    for field in fields:
        term = plan.find_field(field)
        if term.type.is_text:
            places.append(find_code(plan, field, term) if field.is_coded else find_number(plan, field))
        else:
            places.append(term.place)
    return places


def compile_tree(plan: Plan, evaluator: TreeEvaluator) -> Outcome:
    """Compile a single tree."""
    tree = evaluator.tree
    fields = tree.matrix.fields
    if tree.strategy in WEIGHTED or fields is None or tree.scores.single:
        raise NoPlan("a tree that one walk does not settle")
    node = plan.add_step(_make_walk(tree), _find_columns(plan, fields), form=write_tree(tree))
    scores = tree.scores
    count = len(tree.nodes)
    every: Ints = np.append(np.arange(count, dtype=np.int32), np.int32(-1))
    result = make_result(tree, every, np.zeros(count + 1, dtype=np.int32))
    entity = None
    if result.entity is not None:
        ids = [*scores.ids, None]
        entity = Term(plan.add_step(ids.__getitem__, [node], form=name(ids)), STRING)
    if not scores.classifies:
        numbers = scores.numbers.tolist()
        place = plan.add_step(numbers.__getitem__, [node], form=look_up_rows(scores.numbers[:, None]))
        return Outcome(Term(place, DOUBLE), entity=entity)
    labels = result.value.to_list()  # type: ignore[union-attr]
    value = Term(plan.add_step(labels.__getitem__, [node], form=name(labels)), STRING)
    probabilities, confidences = (
        None if table is None else plan.add_step(table.tolist().__getitem__, [node], form=look_up_rows(table))
        for table in (scores.probabilities, scores.confidences)
    )
    return Outcome(value, tuple(scores.labels), probabilities, confidences, entity)


def _make_walk(tree: Tree) -> Callable[..., int]:
    """Return what finds the node whose score a record takes, -1 for none."""
    nodes = tree.nodes
    root, branches = _read_branch(tree, 0), [_read_branches(tree, node) for node in range(len(nodes))]
    stops = tree.stops_at_last
    careful = tree.penalty != 1.0

    def walk(*values: float) -> int:
        if math.isnan(sum(values)):
            return walk_by_kernel(values)
        column, test, constant, node = root
        if not test(values[column] if values else 0.0, constant):
            return -1
        while ahead := branches[node]:
            for column, test, constant, child in ahead:
                if test(values[column], constant):
                    node = child
                    break
            else:
                return node if stops else -1
        return node

    def walk_by_kernel(values: tuple[float, ...]) -> int:
        leaves, detours = tree.find_nodes(np.array([values]))
        if careful and detours.any():
            raise Unsettled
        return int(leaves[0])

    return walk


def _read_branches(tree: Tree, node: int) -> list[Branch]:
    first, count = int(tree.nodes.first[node]), int(tree.nodes.count[node])
    return [_read_branch(tree, child) for child in range(first, first + count)]


def _read_branch(tree: Tree, node: int) -> Branch:
    tests = tree.tests
    kind = int(tests.operator[node])
    constant: Any = float(tests.constant[node])
    if kind in (kernel.IS_IN, kernel.IS_NOT_IN):
        constant = frozenset(tests.members[tests.member_start[node] : tests.member_start[node + 1]].tolist())
    return max(int(tests.column[node]), 0), _TESTS[kind], constant, node
