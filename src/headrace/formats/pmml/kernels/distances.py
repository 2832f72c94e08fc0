"""Distances and similarities between rows and points, and each row's nearest points.

Values in double precision, NaN is missing. A comparison comes as

- ``fields`` (6, fields): how a field's values compare, its weight, the scale of its Gaussian, where its table starts
  in ``tables`` and how wide it is, and what it counts towards the adjustment for missing values
- ``measure`` and ``options``: the power (Minkowski), then the eight parameters of a binary similarity
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from headrace.compilation import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

ABS_DIFF, GAUSS_SIM, DELTA, EQUAL, TABLE = range(5)
EUCLIDEAN, SQUARED_EUCLIDEAN, CHEBYCHEV, CITY_BLOCK, MINKOWSKI, BINARY, PLAIN_EUCLIDEAN, PLAIN_SQUARES = range(8)
"""The plain ones are those of differences without weights."""

_COMPARISON = "f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[::1], i8, f8[::1]"
_COMPARE = f"void({_COMPARISON}, f8[:, ::1])"
_NEAREST = f"void({_COMPARISON}, b1, i4[:, ::1], f8[:, ::1])"
_FUNCTION, _WEIGHT, _SCALE, _START, _WIDTH, _SHARE = range(6)
_LN2 = float(np.log(2.0))


@nb.njit(inline="always", error_model="numpy")
def _compare_values(x: float, y: float, place: int, fields: Floats, tables: Floats) -> float:
    """Compare two values of a field; NaN where a table does not know them."""
    function = int(fields[_FUNCTION, place])
    if function == ABS_DIFF:
        return abs(x - y)
    if function == GAUSS_SIM:
        return float(np.exp(-_LN2 * ((x - y) / fields[_SCALE, place]) ** 2))
    if function == DELTA:
        return 0.0 if x == y else 1.0
    if function == EQUAL:
        return 1.0 if x == y else 0.0
    row, column, width = int(x), int(y), int(fields[_WIDTH, place])
    if 0 <= row < width and 0 <= column < width:
        return float(tables[int(fields[_START, place]) + row * width + column])
    return np.nan


@nb.njit(error_model="numpy")
def _measure_binary(x: Floats, y: Floats, options: Floats) -> float:
    """Compare two rows of flags: a quotient of weighted counts of 11, 10, 01 and 00."""
    both = one = other = neither = 0.0
    for place in range(len(x)):
        if np.isnan(x[place]) or np.isnan(y[place]):
            continue
        if x[place] != 0.0:
            if y[place] != 0.0:
                both += 1.0
            else:
                one += 1.0
        elif y[place] != 0.0:
            other += 1.0
        else:
            neither += 1.0
    if both + one + other + neither == 0.0:
        return np.nan
    above = options[1] * both + options[2] * one + options[3] * other + options[4] * neither
    below = options[5] * both + options[6] * one + options[7] * other + options[8] * neither
    return 0.0 if below == 0.0 else float(above / below)


@nb.njit(error_model="numpy")
def _measure(x: Floats, y: Floats, fields: Floats, tables: Floats, measure: int, options: Floats) -> float:
    """Compare a row with a point; NaN where they have no field in common."""
    if measure == BINARY:
        return float(_measure_binary(x, y, options))
    total = 0.0
    known = all_shares = 0.0
    for place in range(len(x)):
        all_shares += fields[_SHARE, place]
        if np.isnan(x[place]) or np.isnan(y[place]):
            continue
        compared = _compare_values(x[place], y[place], place, fields, tables)
        if np.isnan(compared):
            continue
        known += fields[_SHARE, place]
        weight = fields[_WEIGHT, place]
        if measure == CHEBYCHEV:
            total = max(total, weight * compared)
        elif measure == CITY_BLOCK:
            total += weight * compared
        elif measure == MINKOWSKI:
            total += weight * compared ** options[0]
        else:
            total += weight * compared * compared
    if known == 0.0:
        return np.nan
    if known != all_shares:
        total *= all_shares / known
    if measure in (EUCLIDEAN, PLAIN_EUCLIDEAN):
        return float(np.sqrt(total))
    return float(total ** (1.0 / options[0])) if measure == MINKOWSKI else total


@nb.njit(error_model="numpy")
def _measure_all(
    x: Floats,
    points: Floats,
    columns: Floats,
    fields: Floats,
    tables: Floats,
    measure: int,
    options: Floats,
    out: Floats,
) -> None:
    """Compare a row with every point. Plain differences go field by field, over all points of a column at once."""
    if measure < PLAIN_EUCLIDEAN:
        for point in range(len(points)):
            out[point] = _measure(x, points[point], fields, tables, measure, options)
        return
    out[:] = 0.0
    for place in range(len(x)):
        column = columns[place]
        for point in range(len(out)):
            out[point] += (x[place] - column[point]) * (x[place] - column[point])
    for point in range(len(out)):
        if np.isnan(out[point]):
            out[point] = _measure(x, points[point], fields, tables, measure, options)
        elif measure == PLAIN_EUCLIDEAN:
            out[point] = np.sqrt(out[point])


@nb.njit(error_model="numpy")
def _keep_best(found: Floats, sign: float, places: Ints, measures: Floats) -> None:
    """Keep the least of the measures times the sign, in order."""
    held = 0
    for point in range(len(found)):
        key = sign * found[point]
        if np.isnan(key) or (held == len(places) and key >= sign * measures[held - 1]):
            continue
        spot = min(held, len(places) - 1)
        while spot > 0 and key < sign * measures[spot - 1]:
            measures[spot] = measures[spot - 1]
            places[spot] = places[spot - 1]
            spot -= 1
        measures[spot] = found[point]
        places[spot] = point
        held = min(held + 1, len(places))
    places[held:] = -1
    measures[held:] = np.nan


@kernel(_COMPARE)
def compare_all(
    rows: Floats,
    points: Floats,
    fields: Floats,
    tables: Floats,
    measure: int,
    options: Floats,
    out: Floats,
) -> None:
    """Write the measure of every row and point into ``out`` (rows, points)."""
    columns = points.T.copy()
    for row in range(len(rows)):
        _measure_all(rows[row], points, columns, fields, tables, measure, options, out[row])


@kernel(_NEAREST)
def find_nearest(
    rows: Floats,
    points: Floats,
    fields: Floats,
    tables: Floats,
    measure: int,
    options: Floats,
    greatest: bool,
    places: Ints,
    measures: Floats,
) -> None:
    """Write each row's best points (-1: none) and their measures, best first, of equals the first of the points."""
    columns = points.T.copy()
    found = np.empty(len(points))
    for row in range(len(rows)):
        _measure_all(rows[row], points, columns, fields, tables, measure, options, found)
        _keep_best(found, -1.0 if greatest else 1.0, places[row], measures[row])
