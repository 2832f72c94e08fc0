"""Forests: trees that are walked and added up by one kernel. ``fusion`` makes them of compiled trees."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Bools, Floats, Numbers
from headrace.formats.pmml.combination import MEANS, SUMS, Combination
from headrace.formats.pmml.datatypes import DOUBLE, FLOAT
from headrace.formats.pmml.kernels import forests
from headrace.formats.pmml.kernels.forests import END, PLAIN_NODE, RANK_NODE, ROOT
from headrace.formats.pmml.result import Result, choose_label
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.trees.matrix import Matrix
from headrace.formats.pmml.trees.nodes import Ints
from headrace.formats.pmml.xml import Element, Table, malformed


@dataclass(frozen=True, eq=False)
class Layout:
    """The arrays of a forest, as ``kernels.forests`` takes them.

    The last column of ``payload`` counts trees without a prediction; ``total`` is what all trees weigh. With ``starts``
    the nodes hold ranks of ``cuts``, and sets of them in ``words``.
    """

    nodes: npt.NDArray[Any]
    ends: npt.NDArray[Any]
    roots: npt.NDArray[Any]
    payload: Floats
    total: float
    cuts: Floats = field(default_factory=lambda: np.empty(0))
    starts: Ints = field(default_factory=lambda: np.empty(0, np.int32))
    words: npt.NDArray[np.uint64] = field(default_factory=lambda: np.zeros(1, np.uint64))

    def __post_init__(self) -> None:
        if len(self.starts):
            forests.rank_values.ready()
        (forests.sum_ranks if len(self.starts) else forests.sum_plain).ready()

    @cached_property
    def _gaps(self) -> tuple[bool, bool]:
        """Tell whether a row without, or with, missing values may come to a leaf that has no prediction."""
        absent = self.payload[self.ends["leaf"], -1] > 0
        left = self.nodes["left"]
        asks = left != np.arange(len(left))
        reached = np.concatenate([self.roots["node"], left[asks], left[asks] + 1])
        known = bool(absent[reached].any())
        return known, known or bool(absent[self.ends["missing"][asks]].any())

    def sum_leaves(self, matrix: Floats, flags: int, start: float = 0.0) -> Floats:
        """Return the sums of the payloads by row, as (values, rows), the numbers added to ``start``.

        The last of a payload, the share of trees without a prediction, is left out where no row can come to one.
        """
        width = self.payload.shape[1] - 1
        gaps = self._gaps[1 if flags & forests.MAY_MISS else 0]
        out = np.zeros((width + gaps, len(matrix)))
        if start:
            out[:width] = start
        if len(self.starts):
            self.add_ranked(matrix, flags, out)
        else:
            forests.sum_plain(matrix, self.nodes, self.ends, self.roots, self.payload, out, flags)
        return out

    def add_ranked(self, matrix: Floats, flags: int, out: Floats) -> None:
        """Rank the values, and add the payloads to ``out``."""
        ranks = np.empty(matrix.shape, np.uint16)
        forests.rank_values(matrix, self.cuts, self.starts, ranks)
        forests.sum_ranks(ranks, self.nodes, self.ends, self.roots, self.payload, self.words, out, flags)


class Forest:
    """Trees whose payloads are added up: sums and means of numbers or of probabilities, and votes."""

    def __init__(self, matrix: Matrix, layout: Layout, labels: list[str], combination: Combination) -> None:
        self._matrix = matrix
        self.labels = labels
        self._combination = combination
        self.start = combination.start
        self.layout = layout
        self.divisor = layout.total if combination.votes or combination.method in MEANS else 0.0
        """What plain sums are divided by; 0 where they stay."""
        self.single = combination.single and not labels
        self._flags = forests.SINGLE if self.single else 0
        self._flags |= forests.SETS if len(layout.words) > 1 else 0
        self._sum_plain = forests.sum_plain if len(layout.starts) else forests.sum_plain.ready()

    @property
    def fields(self) -> list[Field]:
        """The fields that the trees test, in the order of the matrix's columns."""
        return self._matrix.fields or []

    @property
    def adds_plainly(self) -> bool:
        """Tell whether ``add_up_one`` knows the method."""
        return self._combination.method in ("majorityVote", *MEANS, *SUMS)

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        return self.predict(self._matrix.fill(context))

    def add_up_one(self, row: Floats) -> list[float] | None:
        """Return one row's number or class values; None where a tree has no prediction, or a sum is not a number."""
        layout = self.layout
        out = np.zeros((layout.payload.shape[1], 1))
        out[:-1] = self.start
        if len(layout.starts):
            layout.add_ranked(row, self._flags, out)
        else:
            self._sum_plain(row, layout.nodes, layout.ends, layout.roots, layout.payload, out, self._flags)
        sums: list[float] = out.ravel().tolist()
        if sums.pop() or math.isnan(sum(sums)):
            return None
        if self.divisor and self.single:
            return [float(np.float32(value) / np.float32(self.divisor)) for value in sums]
        return [value / self.divisor for value in sums] if self.divisor else sums

    def predict(self, matrix: Floats) -> Result:
        """Score rows of the fields' values."""
        flags = self._flags | (forests.MAY_MISS if np.isnan(matrix.min(initial=np.inf)) else 0)
        return self._finish(self.layout.sum_leaves(matrix, flags, self._combination.start))

    def _finish(self, sums: Floats) -> Result:
        """Make the result of the sums (values, rows), which it takes over."""
        method, total = self._combination.method, self.layout.total
        gaps = len(sums) == self.layout.payload.shape[1]
        values = sums[:-1] if gaps else sums
        missing = sums[-1] if gaps else np.zeros(sums.shape[1])
        if self._combination.votes:
            votes = np.column_stack([values.T, missing])
            return self._combination.count_votes(votes, self.labels, np.full(len(votes), total))
        if self.single:
            values = values.astype(np.float32)
        if method in MEANS:
            values /= (total - missing).astype(values.dtype)
        if gaps and missing.any():
            values[:, self._find_lost(missing)] = np.nan
        if not self.labels:
            return Result(Numbers(values[0], FLOAT if self.single else DOUBLE))
        return Result(choose_label(self.labels, values.T), self.labels, values.T)

    def _find_lost(self, missing: Floats) -> Bools:
        if self._combination.treatment == "skipSegment":
            total = self.layout.total
            lost: Bools = (missing / total > self._combination.threshold) | (missing == total)
        else:
            lost = missing > 0
        return lost

    def pack(self, scope: Scope) -> Table | None:
        """Write the forest as a table, None where a field is not the one that its name has in the scope."""
        fields = self._matrix.fields or []
        if any(scope.find(field.name) is not field for field in fields):
            return None
        layout = self.layout
        table: Table = {
            "fields": [field.name for field in fields],
            "labels": self.labels,
            "nodes": layout.nodes.view(np.int64),
            "ends": layout.ends.view(np.int32),
            "roots": layout.roots.view(np.int32),
            "payload": layout.payload,
            "total": np.array([layout.total]),
            "cuts": layout.cuts,
            "starts": layout.starts,
            "words": layout.words,
        }
        for place, source in enumerate(fields):
            if source.type.is_text:
                table[f"texts_{place}"] = list(source.vocabulary.texts)
        return table


def unpack_forest(element: Element, scope: Scope, combination: Combination) -> Forest:
    """Restore a forest from the table of its element. Raises ``ModelFormatError``."""
    table: dict[str, Any] = dict(element.table or {})
    matrix = Matrix()
    for place, name in enumerate(table["fields"]):
        source = scope.field(name, element)
        matrix.add_field(source)
        texts = table.get(f"texts_{place}", ())
        if any(source.vocabulary.code(text) != code for code, text in enumerate(texts)):
            raise malformed(element, f"the prepared codes of the field {name!r} do not fit the document")
    layout = Layout(
        table["nodes"].view(RANK_NODE if len(table["starts"]) else PLAIN_NODE),
        table["ends"].view(END),
        table["roots"].view(ROOT),
        table["payload"],
        float(table["total"][0]),
        table["cuts"],
        table["starts"],
        table["words"],
    )
    return Forest(matrix, layout, table["labels"], combination)
