"""A tree's Node elements as arrays, made while the document is read.

Nodes are numbered level by level, so that a node's children are neighbours. A number that the document writes the way
Python would is held as the number alone; any other text is kept, so that nothing is lost for fields that hold text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.kernels import trees
from headrace.formats.pmml.predicates import PREDICATES
from headrace.formats.pmml.xml import Element, malformed, unsupported

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


class Lexemes:
    """Texts of which most are numbers: a number each, and a code that says how it was written."""

    def __init__(self, texts: dict[str, int]) -> None:
        self._texts = texts
        self.numbers: list[float] = []
        self.codes: list[int] = []

    def add(self, text: str | None) -> None:
        """Append one text; None is absent."""
        number, code = math.nan, ABSENT
        if text is not None:
            with suppress(ValueError):
                number = float(text)
            if repr(number) == text:
                code = AS_FLOAT
            elif abs(number) < 2**53 and str(int(number)) == text:
                code = AS_INTEGER
            else:
                code = self._texts.setdefault(text, len(self._texts))
        self.numbers.append(number)
        self.codes.append(code)


def read_lexeme(number: float, code: int, texts: Sequence[str]) -> str | None:
    """Return a text as the document wrote it, None where it is absent."""
    if code >= 0:
        return texts[code]
    if code == AS_FLOAT:
        return repr(number)
    return None if code == ABSENT else str(int(number))


def reduce_tree(model: Element) -> None:
    """Turn the nodes of a TreeModel, or of a DecisionTree, into the table of its one Node."""
    root = model.find("Node")
    if root is None:
        raise malformed(model, "it holds no Node")
    _Reduction(root).run()


class _Reduction:
    def __init__(self, root: Element) -> None:
        self._root = root
        self._texts: dict[str, int] = {}
        self._fields: dict[str, int] = {}
        self._labels: dict[str, int] = {}
        self._values, self._scores, self._ids = (Lexemes(self._texts) for _ in range(3))
        self._ints: dict[str, list[int]] = {
            name: [] for name in ("first", "count", "field", "operator", "complex", "default", "line")
        }
        self._records: list[float] = []
        self._dist_start: list[int] = [0]
        self._dist_label: list[int] = []
        self._dist: dict[str, list[float]] = {"recordCount": [], "confidence": [], "probability": []}
        self._complex: list[Element] = []

    def run(self) -> None:
        level = [self._root]
        numbered = 1
        while level:
            below: list[Element] = []
            for node in level:
                children = self._add_node(node, numbered)
                numbered += len(children)
                below.extend(children)
            level = below
        root = self._root
        root.children = self._complex
        root.table = {
            **{name: np.array(values, dtype=np.int32) for name, values in self._ints.items()},
            **_lexeme_arrays("value", self._values),
            **_lexeme_arrays("score", self._scores),
            **_lexeme_arrays("id", self._ids),
            "records": np.array(self._records, dtype=np.float64),
            "dist_start": np.array(self._dist_start, dtype=np.int32),
            "dist_label": np.array(self._dist_label, dtype=np.int32),
            "texts": list(self._texts),
            "fields": list(self._fields),
            "labels": list(self._labels),
        }
        for name, values in self._dist.items():
            array = np.array(values, dtype=np.float64)
            root.table[f"dist_{name}"] = array if not np.isnan(array).all() else array[:0]

    def _add_node(self, node: Element, first: int) -> list[Element]:
        children: list[Element] = []
        predicate: Element | None = None
        for child in node.children:
            if child.tag == "Node":
                children.append(child)
            elif child.tag in PREDICATES:
                predicate = child
            elif child.tag == "ScoreDistribution":
                self._add_distribution(child)
            elif child.tag in ("Regression", "DecisionTree"):
                raise unsupported(child, "a model embedded in a node is not supported; use a MiningModel")
        if predicate is None:
            raise malformed(node, "it holds no predicate")
        self._dist_start.append(len(self._dist_label))
        self._add_predicate(predicate)
        attributes = node.attributes
        self._scores.add(attributes.get("score"))
        self._ids.add(attributes.get("id"))
        self._records.append(node.number("recordCount", math.nan))
        ints = self._ints
        ints["first"].append(first)
        ints["count"].append(len(children))
        ints["line"].append(node.line)
        ints["default"].append(_find_default(node, children, first))
        return children

    def _add_predicate(self, predicate: Element) -> None:
        ints = self._ints
        field, operator, kept = -1, COMPLEX, -1
        value: str | None = None
        if predicate.tag == "SimplePredicate":
            field = self._fields.setdefault(predicate.require("field"), len(self._fields))
            operator = OPERATORS.get(predicate.require("operator"), -1)
            if operator < 0:
                raise malformed(predicate, f"operator={predicate.get('operator')!r} is none of {', '.join(OPERATORS)}")
            value = predicate.attributes.get("value")
            if value is None and operator not in (trees.IS_MISSING, trees.IS_NOT_MISSING):
                raise malformed(predicate, f"the operator {predicate.get('operator')!r} needs a value")
        elif predicate.tag == "True":
            operator = trees.TRUE
        elif predicate.tag == "False":
            operator = trees.FALSE
        else:
            kept = len(self._complex)
            self._complex.append(predicate)
        ints["field"].append(field)
        ints["operator"].append(operator)
        ints["complex"].append(kept)
        self._values.add(value)

    def _add_distribution(self, element: Element) -> None:
        label = element.require("value")
        self._dist_label.append(self._labels.setdefault(label, len(self._labels)))
        for name, values in self._dist.items():
            values.append(element.number(name, math.nan))


def _find_default(node: Element, children: list[Element], first: int) -> int:
    wanted = node.attributes.get("defaultChild")
    if wanted is None:
        return -1
    for place, child in enumerate(children):
        if child.get("id") == wanted:
            return first + place
    raise malformed(node, f"defaultChild={wanted!r} is the id of none of its children")


def _lexeme_arrays(name: str, lexemes: Lexemes) -> dict[str, npt.NDArray[np.generic]]:
    return {
        name: np.array(lexemes.numbers, dtype=np.float64),
        f"{name}_code": np.array(lexemes.codes, dtype=np.int32),
    }


@dataclass(frozen=True, slots=True, eq=False)
class NodeTable:
    """The reduced nodes, typed."""

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
