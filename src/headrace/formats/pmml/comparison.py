"""ComparisonMeasure: how far apart, or how alike, two records are.

Fields compare one by one (compareFunction, the field's own or the measure's), weighted, and the measure makes one
number of them. With missing values, what the known fields give is scaled up by the share of the missing value weights
that they hold; binary similarities count the known fields only. Texts have no difference: absDiff of them is delta.
Standard: "Cluster Models", Comparison Measures, PMML 4.4; "k-Nearest Neighbors" uses the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.kernels import distances
from headrace.formats.pmml.kernels.distances import Ints
from headrace.formats.pmml.matrices import read_matrix
from headrace.formats.pmml.scope import Context, Field
from headrace.formats.pmml.xml import Element, malformed

FUNCTIONS = {
    "absDiff": distances.ABS_DIFF,
    "gaussSim": distances.GAUSS_SIM,
    "delta": distances.DELTA,
    "equal": distances.EQUAL,
    "table": distances.TABLE,
}
MEASURES = {
    "euclidean": distances.EUCLIDEAN,
    "squaredEuclidean": distances.SQUARED_EUCLIDEAN,
    "chebychev": distances.CHEBYCHEV,
    "cityBlock": distances.CITY_BLOCK,
    "minkowski": distances.MINKOWSKI,
    "simpleMatching": distances.BINARY,
    "jaccard": distances.BINARY,
    "tanimoto": distances.BINARY,
    "binarySimilarity": distances.BINARY,
}
BINARY_PARAMETERS = {
    "simpleMatching": (1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    "jaccard": (1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0),
    "tanimoto": (1.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 1.0),
}
"""The weights of the counts 11, 10, 01 and 00 above the line, then below it."""

PLAIN = {
    distances.EUCLIDEAN: distances.PLAIN_EUCLIDEAN,
    distances.SQUARED_EUCLIDEAN: distances.PLAIN_SQUARES,
}
KINDS = frozenset({"distance", "similarity"})


@dataclass(frozen=True, slots=True, eq=False)
class ComparedField:
    """One field that takes part, and the element that says how."""

    field: Field
    element: Element
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A compiled measure over some fields."""

    fields: list[Field]
    similarity: bool
    table: Floats
    tables: Floats
    measure: int
    options: Floats

    def read_rows(self, context: Context) -> Floats:
        """Return the context's values of the fields (rows, fields)."""
        rows = np.empty((context.size, len(self.fields)))
        for place, field in enumerate(self.fields):
            rows[:, place] = context.measures(field)
        return rows

    def compare(self, rows: Floats, points: Floats) -> Floats:
        """Return the measure of every row and point; NaN where they have no known field in common."""
        out = np.empty((len(rows), len(points)))
        distances.compare_all(rows, points, self.table, self.tables, self.measure, self.options, out)
        return out

    def find_nearest(self, rows: Floats, points: Floats, count: int) -> tuple[Ints, Floats]:
        """Return the places of each row's ``count`` best points (-1: none) and their measures, best first."""
        places = np.empty((len(rows), count), dtype=np.int32)
        measures = np.empty((len(rows), count))
        distances.find_nearest(
            rows, points, self.table, self.tables, self.measure, self.options, self.similarity, places, measures
        )
        return places, measures


def compile_comparison(element: Element, compared: list[ComparedField], shares: Floats | None = None) -> Comparison:
    """Compile a ComparisonMeasure element over fields; ``shares`` are the missing value weights, 1 where None."""
    similarity = element.choice("kind", KINDS, "distance") == "similarity"
    default = element.choice("compareFunction", FUNCTIONS, "absDiff")
    chosen = [child for child in element.content() if child.tag in MEASURES]
    if len(chosen) != 1:
        raise malformed(element, f"it holds {len(chosen)} measures; it must hold one of {', '.join(MEASURES)}")
    measure = MEASURES[chosen[0].tag]
    functions = [_read_function(entry, default) for entry in compared]
    scales = [
        _read_scale(entry) if code == distances.GAUSS_SIM else 1.0
        for entry, code in zip(compared, functions, strict=True)
    ]
    tables = [
        _read_table(entry.element) if code == distances.TABLE else np.empty((0, 0))
        for entry, code in zip(compared, functions, strict=True)
    ]
    weights = [entry.weight for entry in compared]
    if set(functions) == {distances.ABS_DIFF} and all(weight == 1.0 for weight in weights):
        measure = PLAIN.get(measure, measure)
    starts = np.cumsum([0, *(table.size for table in tables)])[:-1]
    widths = [len(table) for table in tables]
    parts = [functions, weights, scales, starts, widths, np.ones(len(compared)) if shares is None else shares]
    return Comparison(
        fields=[entry.field for entry in compared],
        similarity=similarity,
        table=np.array(parts, dtype=np.float64),
        tables=np.concatenate([np.zeros(0), *(table.reshape(-1) for table in tables)]),
        measure=measure,
        options=_read_options(chosen[0]),
    )


def _read_function(entry: ComparedField, default: str) -> int:
    name = entry.element.choice("compareFunction", FUNCTIONS, default)
    if entry.field.type.is_text and name == "absDiff":
        return distances.DELTA
    if entry.field.type.is_text and name == "gaussSim":
        raise malformed(entry.element, f"gaussSim needs numbers, and the field {entry.field.name!r} holds text")
    return FUNCTIONS[name]


def _read_scale(entry: ComparedField) -> float:
    scale = entry.element.number("similarityScale", 1.0)
    if scale == 0.0:
        raise malformed(entry.element, "similarityScale='0' leaves nothing similar")
    return scale


def _read_table(element: Element) -> Floats:
    table = read_matrix(element.child("Comparisons").child("Matrix"))
    if table.shape[0] != table.shape[1]:
        raise malformed(element, f"the table of comparisons has {table.shape[0]} rows and {table.shape[1]} columns")
    return table


def _read_options(element: Element) -> Floats:
    """Read the power of a Minkowski distance, and the parameters of a binary similarity."""
    power = element.number("p-parameter") if element.tag == "minkowski" else 1.0
    if power <= 0.0:
        raise malformed(element, f"p-parameter={element.get('p-parameter')!r} must be positive")
    if element.tag == "binarySimilarity":
        names = [f"{letter}{counts}-parameter" for letter in "cd" for counts in ("11", "10", "01", "00")]
        return np.array([power, *(element.number(name) for name in names)])
    return np.array([power, *BINARY_PARAMETERS.get(element.tag, (0.0,) * 8)])
