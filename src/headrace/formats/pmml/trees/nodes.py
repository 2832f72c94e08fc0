"""A tree's Node elements as arrays, made while the document is read.

Nodes are numbered level by level, so that a node's children are neighbours. A number that the document writes the way
Python would is held as the number alone; any other text is kept, so that nothing is lost for fields that hold text.
``reading`` makes the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.kernels import trees
from headrace.formats.pmml.xml import Element, malformed

OPERATORS = {
    "equal": trees.EQUAL,
    "notEqual": trees.NOT_EQUAL,
    "lessThan": trees.LESS,
    "lessOrEqual": trees.LESS_OR_EQUAL,
    "greaterThan": trees.GREATER,
    "greaterOrEqual": trees.GREATER_OR_EQUAL,
    "isMissing": trees.IS_MISSING,
    "isNotMissing": trees.IS_NOT_MISSING,
}
COMPLEX = 100
"""Stands for a predicate that is not a simple one: it is kept as an element, child ``complex[node]`` of the root."""

ABSENT, AS_FLOAT, AS_INTEGER = -1, -2, -3

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


def read_lexeme(number: float, code: int, texts: Sequence[str]) -> str | None:
    """Return a text as the document wrote it, None where it is absent."""
    if code >= 0:
        return texts[code]
    if code == AS_FLOAT:
        return repr(number)
    return None if code == ABSENT else str(int(number))


def require_root(model: Element) -> None:
    """Refuse a TreeModel without nodes; those that it has are collected as they are read (``reading``)."""
    if model.find("Node") is None:
        raise malformed(model, "it holds no Node")


@dataclass(frozen=True, slots=True, eq=False)
class NodeTable:
    """The reduced nodes, typed; ``embedded`` are those with a regression of their own, the root's last children."""

    element: Element
    first: Ints
    count: Ints
    field: Ints
    operator: Ints
    complex: Ints
    default: Ints
    line: Ints
    value: Floats
    value_code: Ints
    score: Floats
    score_code: Ints
    id: Floats
    id_code: Ints
    records: Floats
    embedded: Ints
    dist_start: Ints
    dist_label: Ints
    dist_recordCount: Floats  # noqa: N815 - named as the attribute is
    dist_confidence: Floats
    dist_probability: Floats
    texts: list[str]
    fields: list[str]
    labels: list[str]

    def __len__(self) -> int:
        return len(self.first)


def read_nodes(model: Element) -> NodeTable:
    """Return the node table of a reduced TreeModel."""
    root = model.child("Node")
    assert root.table is not None
    return NodeTable(root, **root.table)  # type: ignore[arg-type]
