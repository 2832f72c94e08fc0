"""Walks through single trees of every kind that the standard has; forests have ``forests``.

Nodes are in an order in which a node's children are neighbours, each with one test. Rows are in C order, values in
double precision, NaN is missing.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from headrace.compilation import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.int8]

TRUE, FALSE, EQUAL, NOT_EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL = range(8)
IS_MISSING, IS_NOT_MISSING, IS_IN, IS_NOT_IN = range(8, 12)

UNKNOWN_IS_FALSE, UNKNOWN_STOPS, UNKNOWN_IS_NULL, UNKNOWN_TO_DEFAULT = range(4)
"""What an unknown test does: next sibling, the node's own score, no prediction, or the default child."""

_NO, _YES, _UNKNOWN = range(3)
_NULL, _NO_CHILD, _STOP = -1, -2, -3
_WALK = (
    "void(f8[:, ::1], i4[::1], i4[::1], i4[::1], i1[::1], f8[::1], f8[::1], i4[::1], i4[::1], i8, b1, i4[::1], i4[::1])"
)


@nb.njit(inline="always", error_model="numpy")
def _answer(value: float, operator: int, constant: float, members: Floats, start: int, stop: int) -> int:
    """Answer one test."""
    if operator == TRUE:
        return _YES
    if operator == FALSE:
        return _NO
    missing = np.isnan(value)
    if operator == IS_MISSING:
        return int(missing)
    if operator == IS_NOT_MISSING:
        return 1 - int(missing)
    if missing:
        return _UNKNOWN
    if operator == LESS_OR_EQUAL:
        return int(value <= constant)
    if operator == GREATER:
        return int(value > constant)
    if operator == LESS:
        return int(value < constant)
    if operator == GREATER_OR_EQUAL:
        return int(value >= constant)
    if operator == EQUAL:
        return int(value == constant)
    if operator == NOT_EQUAL:
        return int(value != constant)
    found = 0
    for place in range(start, stop):
        if members[place] == value:
            found = 1
            break
    return found if operator == IS_IN else 1 - found


@kernel(_WALK)
def walk_general(
    rows: Floats,
    first: Ints,
    count: Ints,
    column: Ints,
    operator: Bytes,
    constant: Floats,
    members: Floats,
    member_start: Ints,
    default: Ints,
    on_unknown: int,
    stops_at_last: bool,
    leaf: Ints,
    detours: Ints,
) -> None:
    """Find the node whose score each row takes (-1: no prediction), and count the default children taken."""
    for row in range(rows.shape[0]):
        node = np.int32(0)
        value = rows[row, column[0]] if column[0] >= 0 else 0.0
        if _answer(value, operator[0], constant[0], members, member_start[0], member_start[1]) != _YES:
            leaf[row] = _NULL
            continue
        while count[node] > 0:
            chosen = np.int32(_NO_CHILD)
            for child in range(first[node], first[node] + count[node]):
                value = rows[row, column[child]] if column[child] >= 0 else 0.0
                start, stop = member_start[child], member_start[child + 1]
                answer = _answer(value, operator[child], constant[child], members, start, stop)
                if answer == _YES:
                    chosen = np.int32(child)
                    break
                if answer == _UNKNOWN and on_unknown != UNKNOWN_IS_FALSE:
                    if on_unknown == UNKNOWN_IS_NULL:
                        chosen = np.int32(_NULL)
                    elif on_unknown == UNKNOWN_STOPS:
                        chosen = np.int32(_STOP)
                    else:
                        chosen = default[node]
                        detours[row] += 1
                    break
            if chosen == _NO_CHILD:
                chosen = np.int32(_STOP if stops_at_last else _NULL)
            if chosen == _STOP:
                break
            node = chosen
            if node < 0:
                break
        leaf[row] = node


@kernel("i8(i4[::1])")
def measure_depth(holder: Ints) -> int:
    """Return the depth of a tree in the split layout, given the slot that asks each question, parents first."""
    depths = np.zeros(2 * holder.shape[0] + 1, np.int32)
    deepest = 0
    for question in range(holder.shape[0]):
        depth = depths[holder[question]] + 1
        depths[2 * question + 1] = depth
        depths[2 * question + 2] = depth
        deepest = max(deepest, depth)
    return deepest
