"""The split layout: a tree as questions with two answers each, as forests are walked (``kernels.forests``).

A question compares a column with a limit, or asks whether it is one of a set of values. Whether a value is missing, and
what always or never holds, are questions with an infinite limit: every value that is there gives the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Bools, Floats
from headrace.formats.pmml.kernels import trees
from headrace.formats.pmml.trees.matrix import Tests
from headrace.formats.pmml.trees.nodes import Ints
from headrace.formats.pmml.trees.tree import STRATEGIES, WEIGHTED, Tree

_OPPOSITE = np.full(12, -1, dtype=np.int8)
for _one, _other in (
    (trees.LESS, trees.GREATER_OR_EQUAL),
    (trees.LESS_OR_EQUAL, trees.GREATER),
    (trees.EQUAL, trees.NOT_EQUAL),
    (trees.IS_IN, trees.IS_NOT_IN),
):
    _OPPOSITE[[_one, _other]] = _other, _one

_BY_ORDER = (trees.LESS, trees.LESS_OR_EQUAL, trees.GREATER, trees.GREATER_OR_EQUAL)
_BY_SET = (trees.EQUAL, trees.NOT_EQUAL, trees.IS_IN, trees.IS_NOT_IN)
_TO_RIGHT = (trees.GREATER, trees.GREATER_OR_EQUAL, trees.NOT_EQUAL, trees.IS_NOT_IN, trees.FALSE, trees.IS_MISSING)
"""The operators whose yes is the right answer."""


@dataclass(slots=True, eq=False)
class Splits:
    """One tree in the split layout; ``score`` is the node whose score a leaf takes (-1: none).

    ``limit`` is NaN where the question is whether the value is in ``sets[member_set]``; ``member_set`` is -1 elsewhere.
    """

    column: Ints
    limit: Floats
    member_set: Ints
    sets: list[tuple[float, ...]]
    left: Ints
    missing: Ints
    score: Ints
    depth: int


def split_tree(tree: Tree) -> Splits | None:
    """Bring a tree into the split layout; None where it does not fit.

    A node's children are asked in turn, so a node with several children becomes a chain of splits: "yes" leads to the
    child, "no" to the next question, and the last "no" to a child that always holds, or to no child at all.
    """
    nodes, tests = tree.nodes, tree.tests
    if tree.strategy in WEIGHTED or tree.penalty != 1.0 or tests.operator[0] != trees.TRUE:
        return None
    sets, member_set = _number_sets(tests)
    inner = np.flatnonzero(nodes.count > 0)
    last = nodes.first[inner] + nodes.count[inner] - 1
    holds = tests.operator[last] == trees.TRUE
    divides = (nodes.count[inner] > 1) & _complements(tests, member_set, last - 1, last)
    asked = nodes.count[inner] - (holds | divides)
    owner = np.repeat(np.arange(len(inner)), asked)
    child = _count_from(nodes.first[inner], asked)
    return _lay_out(tree, _Questions(inner, owner, child, asked, last, holds, divides), sets, member_set)


def _number_sets(tests: Tests) -> tuple[list[tuple[float, ...]], Ints]:
    """Return the sets that nodes ask for, each once, and the number of each node's (-1: it asks for none)."""
    numbers: dict[tuple[float, ...], int] = {}
    found = np.full(len(tests.operator), -1, dtype=np.int32)
    for node in np.flatnonzero(np.isin(tests.operator, _BY_SET)).tolist():
        members: tuple[float, ...] = (tests.constant[node].item(),)
        if tests.operator[node] in (trees.IS_IN, trees.IS_NOT_IN):
            members = tuple(sorted(tests.members[tests.member_start[node] : tests.member_start[node + 1]].tolist()))
        found[node] = numbers.setdefault(members, len(numbers))
    return list(numbers), found


def _complements(tests: Tests, member_set: Ints, one: Ints, other: Ints) -> Bools:
    """Tell whether two nodes' tests divide the values of one column between them."""
    same: Bools = (tests.column[one] == tests.column[other]) & (member_set[one] == member_set[other])
    same &= (tests.constant[one] == tests.constant[other]) | (member_set[one] >= 0)
    same &= _OPPOSITE[tests.operator[one]] == tests.operator[other]
    return same


def _count_from(starts: Ints, counts: Ints) -> Ints:
    """Return starts[0], starts[0] + 1, ... for counts[0] numbers, then the same for the next."""
    ends = np.cumsum(counts)
    offsets = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    found: Ints = (np.repeat(starts, counts) + offsets).astype(np.int32)
    return found


class _Questions(NamedTuple):
    """The splits of a tree in order: which inner node asks (``owner``, a place in ``inner``), about which child."""

    inner: npt.NDArray[np.intp]
    owner: npt.NDArray[np.intp]
    child: Ints
    asked: Ints
    last: Ints
    holds: Bools
    divides: Bools


def _lay_out(tree: Tree, questions: _Questions, sets: list[tuple[float, ...]], member_set: Ints) -> Splits:
    """Write the arrays: slot 0 is the root, question q leads to the slots 1 + 2q and 2 + 2q, spare leaves follow."""
    nodes, tests = tree.nodes, tree.tests
    inner, owner, child, asked, last, holds, divides = questions
    count = len(child)
    operator = tests.operator[child]
    upward = np.isin(operator, _TO_RIGHT)
    strict = (operator == trees.LESS) | (operator == trees.GREATER_OR_EQUAL)
    pair = 1 + 2 * np.arange(count)
    yes, no = pair + upward, pair + ~upward
    final = (np.cumsum(asked) - 1).astype(np.intp)
    begins = np.zeros(count, dtype=np.bool_)
    begins[final - asked + 1] = True

    slot = np.zeros(len(nodes), dtype=np.intp)
    slot[child] = yes
    open_end = ~(holds | divides)
    slot[last[~open_end]] = no[final[~open_end]]
    holder = np.where(begins, slot[inner[owner]], np.concatenate([[0], no[:-1]]) if count else 0)

    size = 1 + 2 * count
    stay, nowhere = size + np.arange(len(inner)), size + len(inner)
    end = stay if tree.stops_at_last else np.full(len(inner), nowhere)
    score = np.full(nowhere + 1, -1, dtype=np.int32)
    score[slot] = np.arange(len(nodes))
    score[stay] = inner
    score[no[final[open_end]]] = score[end[open_end]]

    column = np.zeros(nowhere + 1, dtype=np.int32)
    limit = np.full(nowhere + 1, np.inf)
    asks = np.full(nowhere + 1, -1, dtype=np.int32)
    left = np.arange(nowhere + 1, dtype=np.int32)
    missing = left.copy()
    constant = tests.constant[child]
    column[holder] = np.maximum(tests.column[child], 0)
    limit[holder] = np.where(strict, np.nextafter(constant, -np.inf), constant)
    limit[holder[np.isin(operator, _BY_SET)]] = np.nan
    limit[holder[~np.isin(operator, (*_BY_SET, *_BY_ORDER))]] = np.inf
    asks[holder] = member_set[child]
    left[holder] = pair
    unknown = _find_missing(tree, questions, slot, no, final, stay, end, nowhere)
    unknown = np.where(np.isin(operator, (trees.TRUE, trees.IS_MISSING)), yes, unknown)
    missing[holder] = np.where(np.isin(operator, (trees.FALSE, trees.IS_NOT_MISSING)), no, unknown)
    depth = trees.measure_depth(holder.astype(np.int32))
    return Splits(column, limit, asks, sets, left, missing, score, depth)


def _find_missing(
    tree: Tree,
    questions: _Questions,
    slot: npt.NDArray[np.intp],
    no: npt.NDArray[np.intp],
    final: npt.NDArray[np.intp],
    stay: npt.NDArray[np.intp],
    end: npt.NDArray[np.intp],
    nowhere: int,
) -> npt.NDArray[np.intp]:
    """Return the slot to which each question sends a missing value."""
    on_unknown = STRATEGIES[tree.strategy]
    inner, owner = questions.inner, questions.owner
    if on_unknown == trees.UNKNOWN_IS_NULL:
        return np.full(len(owner), nowhere)
    if on_unknown == trees.UNKNOWN_STOPS:
        return stay[owner]
    if on_unknown == trees.UNKNOWN_TO_DEFAULT:
        default = tree.nodes.default[inner]
        return np.where(default < 0, nowhere, slot[default])[owner]
    found = no.copy()
    found[final[questions.divides]] = end[questions.divides]
    return found
