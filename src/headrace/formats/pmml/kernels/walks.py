"""Walks of one record through forests and trees, from slots of a program's block (``programs``).

They give what ``forests`` and ``trees`` give. The first argument of each is the address of an array of addresses, which
``scalar.walks`` makes; the others are the slots of the columns that the nodes test.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
from numba.np.numpy_support import carray

from headrace.formats.pmml.kernels import trees
from headrace.formats.pmml.kernels.forests import END, MISSING, PLAIN_NODE, RANK_NODE, ROOT, SET
from headrace.formats.pmml.kernels.pointers import Floats, Integers, point_at_floats, point_at_integers, point_at_memory

UNSETTLED = 2
"""What slot 0 holds when the plan of Python steps has to score the record."""
_COLUMN = 0x7FFF
"""The part of a node's column that is the column."""


@nb.njit(error_model="numpy")
def round_to(value: float, single: float) -> float:
    """Round to single precision if that is asked for."""
    return float(np.float64(np.float32(value))) if single != 0.0 else value


@nb.njit(error_model="numpy")
def walk_forest(work: Floats, code: Integers, args: int, count: int, target: int, constants: int) -> None:
    """Add up the payloads of a forest's leaves; constants: the divisor, if single, and where the sums begin."""
    total, single, start = work[constants], work[constants + 1], work[constants + 2]
    about = point_at_integers(code[args])
    width, trees_, ranked = about[0], about[1], about[2]
    roots = carray(point_at_memory(about[3]), (trees_,), ROOT)
    ends = carray(point_at_memory(about[4]), (1,), END)
    payload = point_at_floats(about[5])
    for place in range(width + 1):
        work[target + place] = start if place < width else 0.0
    ranks = target + width + 1
    if ranked:
        _rank(work, code, args, count, ranks, about)
    for tree in range(trees_):
        root = np.uint64(roots[np.uint64(tree)].node)
        if ranked:
            found = _walk_ranks(work, ranks, about, root)
        else:
            found = _walk_plain(work, code, args, about, root)
        leaf = np.int64(ends[found].leaf) * (width + 1)
        for place in range(width + 1):
            work[target + place] = round_to(work[target + place] + payload[leaf + place], single)
    sums = 0.0
    for place in range(width):
        sums += work[target + place]
        if total:
            work[target + place] = round_to(work[target + place] / total, single)
    if work[target + width] != 0.0 or math.isnan(sums):
        work[0] = UNSETTLED


@nb.njit(error_model="numpy")
def _walk_plain(work: Floats, code: Integers, args: int, about: Integers, found: Any) -> Any:
    nodes = carray(point_at_memory(about[6]), (1,), PLAIN_NODE)
    ends = carray(point_at_memory(about[4]), (1,), END)
    while np.uint64(nodes[found].left) != found:
        value = work[code[args + 1 + np.int64(nodes[found].column)]]
        if math.isnan(value):
            found = np.uint64(ends[found].missing)
        else:
            found = np.uint64(nodes[found].left) + np.uint64(value > nodes[found].limit)
    return found


@nb.njit(error_model="numpy")
def _rank(work: Floats, code: Integers, args: int, count: int, ranks: int, about: Integers) -> None:
    """Replace each value by the number of its column's cuts below it."""
    cuts, starts = point_at_floats(about[7]), carray(point_at_memory(about[8]), (count,), np.int32)
    for column in range(count - 1):
        value = work[code[args + 1 + column]]
        first = low = np.int64(starts[np.uint64(column)])
        high = np.int64(starts[np.uint64(column + 1)])
        while low < high:
            middle = (low + high) >> 1
            if cuts[middle] < value:
                low = middle + 1
            else:
                high = middle
        work[ranks + column] = float(MISSING) if math.isnan(value) else float(low - first)


@nb.njit(error_model="numpy")
def _walk_ranks(work: Floats, ranks: int, about: Integers, found: Any) -> Any:
    nodes = carray(point_at_memory(about[6]), (1,), RANK_NODE)
    ends = carray(point_at_memory(about[4]), (1,), END)
    words = carray(point_at_memory(about[9]), (1,), np.uint64)
    while np.uint64(nodes[found].left) != found:
        node = nodes[found]
        rank = np.uint64(work[ranks + np.int64(node.column & _COLUMN)])
        if rank == MISSING:
            found = np.uint64(ends[found].missing)
        elif node.column & SET:
            bits = words[words[np.uint64(node.limit)] + (rank >> np.uint64(6))]
            found = np.uint64(node.left) + np.uint64(1) - ((bits >> (rank & np.uint64(63))) & np.uint64(1))
        else:
            found = np.uint64(node.left) + np.uint64(rank > np.uint64(node.limit))
    return found


@nb.njit(error_model="numpy")
def walk_tree(work: Floats, code: Integers, args: int, count: int) -> float:
    """Find the node whose score a record takes, NaN for none; a record with a missing value is not settled."""
    about = point_at_integers(code[args])
    for place in range(1, count):
        if math.isnan(work[code[args + place]]):
            work[0] = UNSETTLED
            return 0.0
    first, counts = (
        carray(point_at_memory(about[1]), (1,), np.int32),
        carray(point_at_memory(about[2]), (1,), np.int32),
    )
    if not _holds(work, code, args, about, np.uint64(0)):
        return math.nan
    node = np.uint64(0)
    while counts[node] > 0:
        chosen = np.uint64(0)
        for child in range(first[node], first[node] + counts[node]):
            if _holds(work, code, args, about, np.uint64(child)):
                chosen = np.uint64(child)
                break
        if chosen == 0:
            return float(node) if about[0] else math.nan
        node = chosen
    return float(node)


@nb.njit(error_model="numpy")
def _holds(work: Floats, code: Integers, args: int, about: Integers, node: Any) -> bool:
    """Answer a node's test, of a value that is not missing."""
    column = carray(point_at_memory(about[3]), (1,), np.int32)[node]
    operator = carray(point_at_memory(about[4]), (1,), np.int8)[node]
    constant = point_at_floats(about[5])[np.int64(node)]
    if operator in (trees.TRUE, trees.IS_NOT_MISSING):
        return True
    if operator in (trees.FALSE, trees.IS_MISSING):
        return False
    value = work[code[args + 1 + column]]
    if operator == trees.LESS_OR_EQUAL:
        return bool(value <= constant)
    if operator == trees.GREATER:
        return bool(value > constant)
    if operator == trees.LESS:
        return bool(value < constant)
    if operator == trees.GREATER_OR_EQUAL:
        return bool(value >= constant)
    if operator == trees.EQUAL:
        return bool(value == constant)
    if operator == trees.NOT_EQUAL:
        return bool(value != constant)
    members, starts = point_at_floats(about[6]), carray(point_at_memory(about[7]), (1,), np.int32)
    found = False
    for place in range(starts[node], starts[node + np.uint64(1)]):
        found |= members[place] == value
    return found == bool(operator == trees.IS_IN)
