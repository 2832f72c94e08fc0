"""Walks through forests: every tree for blocks of rows, leaves added up.

A record goes on to a node's ``left`` if its value is at most ``limit`` (or, where the node asks for a set, if its bit
is set), else to ``left + 1``; a leaf leads to itself. Two layouts share the loop: values and limits in double
precision, and *ranks*, where each value is replaced by the number of the forest's own limits below it. A node of ranks
has 8 bytes instead of 16, so that a large tree stays in the innermost cache; they cost a binary search a value.

A block of rows goes through one tree at a time, so that the tree stays in the cache and the loads of the rows overlap.
Rows are in C order. A missing value is NaN, or the rank ``MISSING``.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.uint16]
Words = npt.NDArray[np.uint64]
Records = npt.NDArray[Any]

MISSING = 65535
SET = 0x8000
"""Added to a node's column: ``limit`` is the number of a set, whose bits begin at ``words[words[limit]]``."""

MAY_MISS, SINGLE, SETS, RANKS = 1, 2, 4, 8
"""Flags: a value may be missing; sums are rounded to single precision; some nodes ask for sets; rows are ranks."""

PLAIN_NODE = np.dtype([("limit", "f8"), ("column", "i4"), ("left", "i4")])
RANK_NODE = np.dtype([("limit", "u2"), ("column", "u2"), ("left", "i4")])
END = np.dtype([("missing", "i4"), ("leaf", "i4")])
"""Beside each node: where a missing value goes, and the row of the payload that a leaf adds."""
ROOT = np.dtype([("node", "i4"), ("depth", "i4")])

_LANES = 8
_STRIDE = 4
_END, _ROOT = nb.from_dtype(END)[::1], nb.from_dtype(ROOT)[::1]
_REST = (_END, _ROOT, nb.f8[:, ::1], nb.u8[::1], nb.f8[:, ::1], nb.i8)
_SIGNATURES = [
    nb.void(nb.f8[:, ::1], nb.from_dtype(PLAIN_NODE)[::1], *_REST),
    nb.void(nb.u2[:, ::1], nb.from_dtype(RANK_NODE)[::1], *_REST),
]


@nb.njit(inline="always", error_model="numpy")
def _step(value: Any, node: Any, words: Words, sets: int) -> Any:
    """Return where a value that is not missing goes from a node."""
    if sets and node.column & SET:
        rank = np.int64(value)
        bits = words[words[np.int64(node.limit)] + np.uint64(rank >> 6)]
        return node.left + 1 - np.int64((bits >> np.uint64(rank & 63)) & np.uint64(1))
    return node.left + np.int64(value > node.limit)


@nb.njit(inline="always", error_model="numpy")
def _walk(rows: Any, row: int, nodes: Any, ends: Any, root: Any, words: Words, flags: int) -> Any:
    """Walk one row to its leaf; values may be missing."""
    mask = SET - 1 if flags & SETS else -1
    at = root
    while nodes[at].left != at:
        value = rows[row, np.int64(nodes[at].column) & mask]
        if np.isnan(value) or (flags & RANKS and value == MISSING):
            at = np.int64(ends[at].missing)
        else:
            at = _step(value, nodes[at], words, flags & SETS)
    return at


@nb.njit(inline="always", error_model="numpy")
def _add(payload: Floats, leaf: Any, out: Floats, row: int, single: int) -> None:
    if single:
        for place in range(out.shape[1]):
            out[row, place] = np.float32(out[row, place] + payload[leaf, place])
    else:
        for place in range(out.shape[1]):
            out[row, place] += payload[leaf, place]


@nb.njit(_SIGNATURES, cache=True, nogil=True, error_model="numpy")
def sum_leaves(
    rows: Any, nodes: Records, ends: Records, roots: Records, payload: Floats, words: Words, out: Floats, flags: int
) -> None:
    """Add up the leaves' payloads over all trees into ``out``."""
    size = rows.shape[0]
    sets, single = flags & SETS, flags & SINGLE
    blocks = 0 if flags & MAY_MISS else size - size % _LANES
    mask = SET - 1 if sets else -1
    at = np.empty(_LANES, np.int64)
    for tree in range(roots.shape[0]):
        root = np.int64(roots[tree].node)
        for start in range(0, blocks, _LANES):
            for lane in range(_LANES):
                at[lane] = root
            left = roots[tree].depth
            while left > 0:
                for _ in range(min(_STRIDE, left)):
                    for lane in range(_LANES):
                        node = nodes[at[lane]]
                        value = rows[start + lane, np.int64(node.column) & mask]
                        at[lane] = _step(value, node, words, sets)
                left -= _STRIDE
                open_lanes = 0
                for lane in range(_LANES):
                    open_lanes |= nodes[at[lane]].left - at[lane]
                if open_lanes == 0:
                    break
            for lane in range(_LANES):
                _add(payload, ends[at[lane]].leaf, out, start + lane, single)
        for row in range(blocks, size):
            found = _walk(rows, row, nodes, ends, root, words, flags)
            _add(payload, ends[found].leaf, out, row, single)


@nb.njit("void(f8[:, ::1], f8[::1], i4[::1], u2[:, ::1])", cache=True, nogil=True, error_model="numpy")
def rank_values(rows: Floats, cuts: Floats, starts: npt.NDArray[np.int32], out: Ranks) -> None:
    """Replace each value by the number of its column's cuts below it; ``cuts[starts[c]:starts[c + 1]]`` are c's."""
    base = np.empty(_LANES, np.int64)
    size = rows.shape[0]
    for column in range(rows.shape[1]):
        first = np.int64(starts[column])
        count = np.int64(starts[column + 1]) - first
        for start in range(0, size, _LANES):
            lanes = min(_LANES, size - start)
            base[:] = first
            left = count
            while left > 1:
                half = left >> 1
                for lane in range(lanes):
                    base[lane] += half if cuts[base[lane] + half - 1] < rows[start + lane, column] else 0
                left -= half
            for lane in range(lanes):
                value = rows[start + lane, column]
                rank = base[lane] - first
                if left == 1 and cuts[base[lane]] < value:
                    rank += 1
                out[start + lane, column] = np.uint16(MISSING if np.isnan(value) else rank)
