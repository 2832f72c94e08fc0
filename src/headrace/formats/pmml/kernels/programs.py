"""Programs: what a model does with the numbers of one record, as instructions over one block of memory.

Rules:

- The block is an array of doubles, its *slots*. Slot 0 tells how the record fared: ``SETTLED``, ``LACKING`` (a number
  put out is missing) or ``UNSETTLED`` (the plan of Python steps has to score it).
- An instruction is ``operation, target, constants, count`` and as many arguments: the slots that it reads. It writes
  from the slot ``target`` on; its constants lie in the block, from ``constants`` on.
- ``PAUSE`` hands back to Python, which calls a function of NumPy on some of the slots and goes on behind it.
- Every operation gives what the step in ``scalar`` that it stands for gives, bit for bit. Missing is NaN.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from headrace.compilation import kernel
from headrace.formats.pmml.kernels import pointers, walks
from headrace.formats.pmml.kernels.pointers import Floats, Integers, point_at_floats, point_at_integers
from headrace.formats.pmml.kernels.walks import UNSETTLED, round_to, walk_forest, walk_tree

SETTLED, LACKING = range(2)
PAUSE = 0
ABS, SQRT, FLOOR, CEIL, ROUND, NOT, IS_MISSING, IS_PRESENT, TRUNCATE, TO_BOOLEAN = range(1, 11)
SINGLE, SQUARE, REPLACE, SIGMOID, FLIP, LOOK_UP, INTERPOLATE, DISCRETIZE, CLAMP, CUT_OFF = range(11, 21)
REQUIRE, WHOLE, RESCALE = range(21, 24)
ADD, SUBTRACT, MULTIPLY, DIVIDE, EQUAL, NOT_EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL = range(32, 42)
ALL, ANY, CHOOSE, SUM, MEAN, PRODUCT, LINEAR, DEFAULT, GREATEST, PICK = range(64, 74)
COPY, SHIFT, SHARE, PAIR, BLANK, NEGATE, RECTIFY, BIAS, FOREST, TREE, ROW, TAKE, SQUASH, BOUND = range(96, 110)
PUT_NUMBER, PUT_INDEX, PUT_WHOLE = range(128, 131)
EXACT = 2.0**53
_ONE, _TWO, _MANY, _PUT = 32, 64, 96, 128


@nb.njit(error_model="numpy")
def _compute_one(operation: int, work: Floats, value: float, constants: int) -> float:
    """Compute a number from another."""
    if operation == ABS:
        return abs(value)
    if operation == SQRT:
        return math.sqrt(value) if value >= 0.0 else math.nan
    if operation == FLOOR:
        return float(np.floor(value))
    if operation == CEIL:
        return float(np.ceil(value))
    if operation == ROUND:
        return float(np.floor(value + 0.5))
    if operation == NOT:
        return 1.0 - value
    if operation == IS_MISSING:
        return 1.0 if math.isnan(value) else 0.0
    if operation == IS_PRESENT:
        return 0.0 if math.isnan(value) else 1.0
    if operation == TRUNCATE:
        return float(np.trunc(value))
    if operation == TO_BOOLEAN:
        return value if math.isnan(value) else 1.0 if value != 0.0 else 0.0
    if operation == SQUARE:
        return value * value
    if operation == REPLACE:
        return work[constants] if math.isnan(value) else value
    if operation == SIGMOID:  # of an exponential
        return round_to(1.0 / round_to(1.0 + value, work[constants]), work[constants])
    return _treat(operation, work, value, constants)


@nb.njit(error_model="numpy")
def _treat(operation: int, work: Floats, value: float, constants: int) -> float:
    """Check or change a number in one of the ways that have bounds or tables."""
    low, high = work[constants], work[constants + 1]
    if operation == CLAMP:
        return low if value < low else high if value > high else value  # noqa: FURB136 (missing stays)
    if operation == CUT_OFF:
        return math.nan if value < low or value > high else value
    if operation == RESCALE:
        if low != 1.0:
            value *= low
        return value + high if high != 0.0 else value
    if operation == REQUIRE and math.isnan(value):
        work[0] = UNSETTLED
    if operation == WHOLE and value != np.floor(value) and not math.isnan(value):
        work[0] = UNSETTLED
    if operation == FLIP:  # before an exponential that has to stay in range
        if abs(value) >= high:
            work[0] = UNSETTLED
        return -value if low else value
    if operation == SINGLE:
        single = np.float64(np.float32(value))
        if math.isinf(single) and not math.isinf(value):
            work[0] = UNSETTLED
        return single
    return value


@nb.njit(error_model="numpy")
def _find(operation: int, work: Floats, value: float, constants: int) -> float:
    """Find what a table or a line says of a number: first what missing and other numbers give, then its length."""
    missing, other, count = work[constants], work[constants + 1], int(work[constants + 2])
    if math.isnan(value):
        return missing
    at = constants + 3
    if operation == LOOK_UP:  # pairs of a number and what it gives
        for place in range(count):
            if work[at + 2 * place] == value:
                return work[at + 2 * place + 1]
        return other
    if operation == DISCRETIZE:  # what an interval gives, its limits, whether they belong to it
        for place in range(at, at + 5 * count, 5):
            low, high = work[place + 1], work[place + 2]
            above = value >= low if work[place + 3] else value > low
            if above and (value <= high if work[place + 4] else value < high):
                return work[place]
        return other
    norms = at + count  # a line through points; ``other``: 0 goes on, 1 is missing, 2 stays at the ends
    outside = not work[at] <= value <= work[norms - 1]
    if outside and other == 1.0:
        return math.nan
    if outside and other == 2.0:
        return work[norms] if value < work[at] else work[norms + count - 1]
    piece = 0
    while piece < count - 2 and work[at + piece + 1] <= value:
        piece += 1
    start, end, first, last = work[at + piece], work[at + piece + 1], work[norms + piece], work[norms + piece + 1]
    return first + (value - start) / (end - start) * (last - first)


@nb.njit(error_model="numpy")
def _compute_two(operation: int, work: Floats, left: float, right: float) -> float:
    """Compute a number from two."""
    if operation == ADD:
        return left + right
    if operation == SUBTRACT:
        return left - right
    if operation == MULTIPLY:
        return left * right
    if operation == DIVIDE:
        if right == 0.0:
            work[0] = UNSETTLED
        return left / right
    if math.isnan(left) or math.isnan(right):
        return math.nan
    return 1.0 if _compare(operation, left, right) else 0.0


@nb.njit(error_model="numpy")
def _compare(operation: int, left: float, right: float) -> bool:
    if operation == EQUAL:
        return left == right
    if operation == NOT_EQUAL:
        return left != right
    if operation == LESS:
        return left < right
    if operation == LESS_OR_EQUAL:
        return left <= right
    if operation == GREATER:
        return left > right
    return left >= right


@nb.njit(error_model="numpy")
def _reduce(operation: int, work: Floats, code: Integers, args: int, count: int, constants: int) -> float:
    """Compute a number from several."""
    if operation == LINEAR:
        return _add_up(work, code, args, count, constants)
    if operation == PRODUCT:
        total = work[constants]
        for place in range(count):
            total *= work[code[args + place]]
        return total
    first = work[code[args]]
    if operation == CHOOSE:
        if first == 1.0:
            return work[code[args + 1]]
        return work[code[args + 2]] if first == 0.0 and count > 2 else math.nan
    if operation == DEFAULT:  # constants: for a missing argument, for a result that is missing otherwise
        if not math.isnan(first):
            return first
        for place in range(1, count):
            if math.isnan(work[code[args + place]]):
                return work[constants]
        return work[constants + 1]
    if operation == PICK:  # the number whose index is the first argument
        return math.nan if math.isnan(first) else work[code[args + 1 + int(first)]]
    if operation == GREATEST:  # the index of the first of the greatest
        best = 0
        for place in range(1, count):
            if work[code[args + place]] > work[code[args + best]]:
                best = place
        return math.nan if math.isnan(first) else float(best)
    return _count(operation, work, code, args, count)


@nb.njit(error_model="numpy")
def _add_up(work: Floats, code: Integers, args: int, count: int, constants: int) -> float:
    """Add up; constants: if single, the intercept, how many of the arguments have coefficients, and these."""
    single, total, numeric = work[constants], work[constants + 1], int(work[constants + 2])
    for place in range(numeric):
        value = round_to(work[code[args + place]], single)
        total = round_to(total + round_to(work[constants + 3 + place] * value, single), single)
    for place in range(numeric, count):
        total = round_to(total + round_to(work[code[args + place]], single), single)
    return total


@nb.njit(error_model="numpy")
def _count(operation: int, work: Floats, code: Integers, args: int, count: int) -> float:
    """Compute a number from those of several that are present."""
    total, present, ones, zeros = 0.0, 0, 0, 0
    for place in range(count):
        value = work[code[args + place]]
        if not math.isnan(value):
            total += value
            present += 1
            ones += value == 1.0
            zeros += value == 0.0
    if operation == ALL:
        return 0.0 if zeros else 1.0 if present == count else math.nan
    if operation == ANY:
        return 1.0 if ones else 0.0 if present == count else math.nan
    if not present:
        return math.nan
    return total / present if operation == MEAN else total


@nb.njit(error_model="numpy")
def _fill(operation: int, work: Floats, code: Integers, args: int, count: int, target: int, constants: int) -> None:
    """Compute several numbers from as many."""
    greatest, total, gaps = -math.inf, 0.0, 0
    for place in range(count):
        value = work[code[args + place]]
        greatest = max(greatest, value)
        total = round_to(total + value, work[constants]) if operation == SHARE else 0.0
        gaps += math.isnan(value)
    if gaps and operation in (SHIFT, COPY):
        work[0] = UNSETTLED
    for place in range(count):
        value = work[code[args + place]]
        if operation == SHIFT:
            value = round_to(value - greatest, work[constants])
        elif operation == SHARE:
            value = round_to(value / total, work[constants])
        elif operation == NEGATE:
            if not -700.0 < value < 700.0:
                work[0] = UNSETTLED
            value = -value
        elif operation == SQUASH:
            value = 1.0 / (1.0 + value)
        elif operation == RECTIFY:
            value = 0.0 if value < 0.0 else value  # noqa: FURB136 (missing stays)
        elif operation == BIAS:
            value += work[constants + place]
        elif operation == BLANK and gaps:
            value = math.nan
        work[target + place] = value


@nb.njit(error_model="numpy")
def _check_bounds(work: Floats, code: Integers, args: int, count: int, low: float, high: float) -> None:
    """Leave a record unsettled where a number is not between two others, or missing."""
    for place in range(count):
        value = work[code[args + place]]
        if value < low or value > high:
            work[0] = UNSETTLED


@nb.njit(error_model="numpy")
def _take_row(work: Floats, index: float, table: Floats, rows: int, width: int, target: int) -> None:
    """Copy a row of a table, the last one for a missing index."""
    first = (rows - 1 if math.isnan(index) else int(index)) * width
    for place in range(width):
        work[target + place] = table[first + place]


@nb.njit(error_model="numpy")
def _put(operation: int, work: Floats, whole: Integers, value: float, target: int) -> None:
    """Put a number out: as it is, as an index (-1: missing), or as a whole number."""
    if operation == PUT_NUMBER:
        work[target] = value
        if math.isnan(value):
            work[0] = max(work[0], LACKING)
        elif math.isinf(value):
            work[0] = UNSETTLED
    elif operation == PUT_INDEX:
        whole[target] = -1 if math.isnan(value) else int(value)
    elif -EXACT < value < EXACT:
        whole[target] = int(value)
    else:
        work[0] = UNSETTLED


@kernel("i8(i8, i8, i8)", releases=False, rests_on=(pointers, walks))
def run(code_address: int, work_address: int, start: int) -> int:
    """Run the instructions from a place on, up to the next pause; returns what slot 0 says."""
    code, work, whole = point_at_integers(code_address), point_at_floats(work_address), point_at_integers(work_address)
    if start == 0:
        work[0] = SETTLED
    at = start
    while code[at] != PAUSE:
        operation, target, constants, count, args = code[at], code[at + 1], code[at + 2], code[at + 3], at + 4
        at = args + count
        if operation < _ONE:
            value = work[code[args]]
            if operation in (LOOK_UP, INTERPOLATE, DISCRETIZE):
                work[target] = _find(operation, work, value, constants)
            else:
                work[target] = _compute_one(operation, work, value, constants)
        elif operation < _TWO:
            work[target] = _compute_two(operation, work, work[code[args]], work[code[args + 1]])
        elif operation < _MANY:
            work[target] = _reduce(operation, work, code, args, count, constants)
        elif operation == BOUND:
            _check_bounds(work, code, args, count, work[constants], work[constants + 1])
        elif operation >= _PUT:
            _put(operation, work, whole, work[code[args]], target)
        elif operation == FOREST:
            walk_forest(work, code, args, count, target, constants)
        elif operation == TREE:
            work[target] = walk_tree(work, code, args, count)
        elif operation == ROW:
            _take_row(work, work[code[args]], point_at_floats(code[args + 1]), code[args + 2], code[args + 3], target)
        elif operation == PAIR:
            value = work[code[args]]
            work[target], work[target + 1] = value, round_to(1.0 - value, work[constants])
        else:
            _fill(operation, work, code, args, count, target, constants)
    return int(work[0])
