"""Walks through forests: every tree for blocks of rows, leaves added up.

A record goes on to a node's ``left`` if its value is at most ``limit`` (or, where the node asks for a set, if its bit
is set), else to ``left + 1``; a leaf leads to itself. There are two layouts: values and limits in double
precision, and *ranks*, where each value is replaced by the number of the forest's own limits below it. A node of ranks
has 8 bytes instead of 16, so that a large tree stays in the innermost cache; they cost a binary search a value.

A block of rows goes through one tree at a time, so that the tree stays in the cache and the loads of the rows overlap.
Sums are by value, then row. Places are unsigned, since numba makes room for negative ones. Rows are in C order.
A missing value is NaN, or the rank ``MISSING``.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from headrace.compilation import kernel

Floats = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.uint16]
Words = npt.NDArray[np.uint64]
Records = npt.NDArray[Any]

MISSING = 65535
SET, _COLUMN = 0x8000, 0x7FFF
"""Added to a node's column: ``limit`` is the number of a set, whose bits begin at ``words[words[limit]]``."""

MAY_MISS, SINGLE, SETS = 1, 2, 4
"""Flags: a value may be missing; sums are rounded to single precision; some nodes ask for sets."""

PLAIN_NODE = np.dtype([("limit", "f8"), ("column", "u4"), ("left", "u4")])
RANK_NODE = np.dtype([("limit", "u2"), ("column", "u2"), ("left", "u4")])
END = np.dtype([("missing", "u4"), ("leaf", "u4")])
"""Beside each node: where a missing value goes, and the row of the payload that a leaf adds."""
ROOT = np.dtype([("node", "u4"), ("depth", "i4")])

_LANES, _RANK_LANES = 16, 8
_STRIDE, _RANK_STRIDE = 8, 4
"""Steps between two looks at whether all rows in flight have come to a leaf: shallow trees need none."""
_BLOCK = 512
"""Rows that stay in the innermost cache while they go through the trees of a small forest."""

_END, _ROOT = nb.from_dtype(END)[::1], nb.from_dtype(ROOT)[::1]
_SUM_PLAIN = nb.void(nb.f8[:, ::1], nb.from_dtype(PLAIN_NODE)[::1], _END, _ROOT, nb.f8[:, ::1], nb.f8[:, ::1], nb.i8)
_SUM_RANKS = nb.void(
    nb.u2[:, ::1], nb.from_dtype(RANK_NODE)[::1], _END, _ROOT, nb.f8[:, ::1], nb.u8[::1], nb.f8[:, ::1], nb.i8
)


@nb.njit(error_model="numpy")
def _add(payload: Floats, leaves: Words, out: Floats, start: int, single: int) -> None:
    """Add the leaves' payloads to the sums of as many rows."""
    for place in range(out.shape[0]):
        sums = out[place, start : start + leaves.shape[0]]
        if single:
            for lane in range(leaves.shape[0]):
                sums[lane] = np.float32(sums[lane] + payload[leaves[lane], np.uint64(place)])
        else:
            for lane in range(leaves.shape[0]):
                sums[lane] += payload[leaves[lane], np.uint64(place)]


@kernel(_SUM_PLAIN)
def sum_plain(
    rows: Floats, nodes: Records, ends: Records, roots: Records, payload: Floats, out: Floats, flags: int
) -> None:
    """Add up the leaves' payloads over all trees into ``out`` (values, rows), which may leave out their last values."""
    size = rows.shape[0]
    whole = 0 if flags & MAY_MISS else size - size % _LANES
    at = np.empty(_LANES, np.uint64)
    for block in range(0, whole, _BLOCK):
        for tree in range(roots.shape[0]):
            root = np.uint64(roots[tree].node)
            for start in range(block, min(block + _BLOCK, whole), _LANES):
                for lane in range(_LANES):
                    at[lane] = root
                left = roots[tree].depth
                while left > 0:
                    for _ in range(min(_STRIDE, left)):
                        for lane in range(_LANES):
                            node = nodes[at[lane]]
                            value = rows[np.uint64(start + lane), np.uint64(node.column)]
                            at[lane] = np.uint64(node.left) + np.uint64(value > node.limit)
                    left -= _STRIDE
                    if left > 0:
                        open_lanes = np.uint64(0)
                        for lane in range(_LANES):
                            open_lanes |= np.uint64(nodes[at[lane]].left) ^ at[lane]
                        if open_lanes == 0:
                            break
                for lane in range(_LANES):
                    at[lane] = np.uint64(ends[at[lane]].leaf)
                _add(payload, at, out, start, flags & SINGLE)
    for row in range(whole, size):
        for tree in range(roots.shape[0]):
            found = np.uint64(roots[tree].node)
            while np.uint64(nodes[found].left) != found:
                value = rows[row, np.uint64(nodes[found].column)]
                if np.isnan(value):
                    found = np.uint64(ends[found].missing)
                else:
                    found = np.uint64(nodes[found].left) + np.uint64(value > nodes[found].limit)
            at[0] = np.uint64(ends[found].leaf)
            _add(payload, at[:1], out, row, flags & SINGLE)


@nb.njit(inline="always", error_model="numpy")
def _step(rank: Any, node: Any, words: Words, sets: int) -> Any:
    """Return where a rank that is not missing goes from a node."""
    if sets and node.column & SET:
        place = np.uint64(rank)
        bits = words[words[np.uint64(node.limit)] + (place >> np.uint64(6))]
        return np.uint64(node.left) + np.uint64(1) - ((bits >> (place & np.uint64(63))) & np.uint64(1))
    return np.uint64(node.left) + np.uint64(rank > node.limit)


@kernel(_SUM_RANKS)
def sum_ranks(
    rows: Ranks, nodes: Records, ends: Records, roots: Records, payload: Floats, words: Words, out: Floats, flags: int
) -> None:
    """Do what ``sum_plain`` does for rows of ranks."""
    size = rows.shape[0]
    sets = flags & SETS
    whole = 0 if flags & MAY_MISS else size - size % _RANK_LANES
    at = np.empty(_RANK_LANES, np.uint64)
    for tree in range(roots.shape[0]):
        root = np.uint64(roots[tree].node)
        for start in range(0, whole, _RANK_LANES):
            for lane in range(_RANK_LANES):
                at[lane] = root
            left = roots[tree].depth
            while left > 0:
                for _ in range(min(_RANK_STRIDE, left)):
                    for lane in range(_RANK_LANES):
                        node = nodes[at[lane]]
                        at[lane] = _step(
                            rows[np.uint64(start + lane), np.uint64(node.column & _COLUMN)], node, words, sets
                        )
                left -= _RANK_STRIDE
                open_lanes = np.uint64(0)
                for lane in range(_RANK_LANES):
                    open_lanes |= np.uint64(nodes[at[lane]].left) ^ at[lane]
                if open_lanes == 0:
                    break
            for lane in range(_RANK_LANES):
                at[lane] = np.uint64(ends[at[lane]].leaf)
            _add(payload, at, out, start, flags & SINGLE)
        for row in range(whole, size):
            found = root
            while np.uint64(nodes[found].left) != found:
                rank = rows[row, np.uint64(nodes[found].column & _COLUMN)]
                if rank == MISSING:
                    found = np.uint64(ends[found].missing)
                else:
                    found = _step(rank, nodes[found], words, sets)
            at[0] = np.uint64(ends[found].leaf)
            _add(payload, at[:1], out, row, flags & SINGLE)


@kernel("void(f8[:, ::1], f8[::1], i4[::1], u2[:, ::1])")
def rank_values(rows: Floats, cuts: Floats, starts: npt.NDArray[np.int32], out: Ranks) -> None:
    """Replace each value by the number of its column's cuts below it; ``cuts[starts[c]:starts[c + 1]]`` are c's."""
    base = np.empty(_RANK_LANES, np.int64)
    size = rows.shape[0]
    for column in range(rows.shape[1]):
        first = np.int64(starts[column])
        count = np.int64(starts[column + 1]) - first
        for start in range(0, size, _RANK_LANES):
            lanes = min(_RANK_LANES, size - start)
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
