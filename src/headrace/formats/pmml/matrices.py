"""Matrix: rows of arrays, or cells. Standard: "Matrices" in the General Structure page, PMML 4.4.

A diagonal matrix is one array; a symmetric one has rows up to the diagonal (or whole rows); cells count from 1, and
what they leave open is diagDefault on the diagonal and offDiagDefault elsewhere.
"""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.reducers import array_numbers
from headrace.formats.pmml.xml import Element, malformed

KINDS = frozenset({"any", "diagonal", "symmetric"})
MAX_CELLS = 10_000_000


def read_matrix(element: Element) -> Floats:
    """Read a Matrix element. Raises ``ModelFormatError`` where sizes do not agree."""
    kind = element.choice("kind", KINDS, "any")
    arrays = element.find_all("Array")
    cells = element.find_all("MatCell")
    if arrays:
        return _read_arrays(element, kind, [array_numbers(array) for array in arrays])
    rows, columns = element.integer("nbRows"), element.integer("nbCols")
    if rows < 1 or columns < 1 or rows * columns > MAX_CELLS:
        raise malformed(element, f"{rows} rows and {columns} columns make no matrix")
    matrix = np.full((rows, columns), element.number("offDiagDefault", 0.0))
    np.fill_diagonal(matrix, element.number("diagDefault", 0.0))
    for cell in cells:
        row, column = cell.integer("row") - 1, cell.integer("col") - 1
        if not (0 <= row < rows and 0 <= column < columns):
            raise malformed(cell, f"row={row + 1}, col={column + 1} lies outside the matrix")
        try:
            matrix[row, column] = float(cell.text)
        except ValueError:
            raise malformed(cell, f"{cell.text!r} is not a number") from None
        if kind == "symmetric":
            matrix[column, row] = matrix[row, column]
    return matrix


def _read_arrays(element: Element, kind: str, arrays: list[Floats]) -> Floats:
    if kind == "diagonal":
        if len(arrays) != 1:
            raise malformed(element, f"a diagonal matrix is one array, not {len(arrays)}")
        matrix = np.full((len(arrays[0]), len(arrays[0])), element.number("offDiagDefault", 0.0))
        np.fill_diagonal(matrix, arrays[0])
    elif kind == "symmetric" and [len(array) for array in arrays] == list(range(1, len(arrays) + 1)):
        matrix = np.zeros((len(arrays), len(arrays)))
        for row, array in enumerate(arrays):
            matrix[row, : row + 1] = matrix[: row + 1, row] = array
    else:
        widths = {len(array) for array in arrays}
        if len(widths) != 1:
            raise malformed(element, f"its rows have different lengths: {', '.join(map(str, sorted(widths)))}")
        matrix = np.stack(arrays)
    for name, size in (("nbRows", matrix.shape[0]), ("nbCols", matrix.shape[1])):
        if element.integer(name, size) != size:
            raise malformed(element, f"{name}={element.get(name)!r}, but the arrays give {size}")
    return matrix
