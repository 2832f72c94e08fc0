"""Reads a tree's Node elements off the parser, without an element object for each.

The handlers only append what comes, in the order of the document; when the tree ends, whole lists are turned into
arrays. Predicates other than simple ones are built as elements and kept. Forests of millions of nodes are the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.kernels import trees
from headrace.formats.pmml.predicates import PREDICATES
from headrace.formats.pmml.trees.nodes import ABSENT, AS_FLOAT, AS_INTEGER, COMPLEX, OPERATORS
from headrace.formats.pmml.xml import MAX_DEPTH, Collector, Element, malformed, unsupported

Attributes = dict[str, str]
Arrays = dict[str, npt.NDArray[np.generic]]

_ALWAYS: Attributes = {"always": "true"}
_NEVER: Attributes = {"always": "false"}


class NodeCollector(Collector):
    """Collects the nodes below and including one Node."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._nodes: list[Attributes] = [root.attributes]
        self._lines: list[int] = [root.line]
        self._parents: list[int] = [-1]
        self._depths: list[int] = [0]
        self._predicates: list[Attributes | Element | None] = [None]
        self._predicate_lines: list[int] = [root.line]
        self._owners: list[int] = []
        self._shares: list[Attributes] = []
        self._open = [0]
        self._embedded: list[tuple[int, Element]] = []

    def connect(self, find_line: Callable[[], int]) -> tuple[Callable[[str, Attributes], bool], Callable[[str], None]]:
        """Return the handlers of an element's start and end; see ``Collector``."""
        nodes, lines, parents, depths, opened = self._nodes, self._lines, self._parents, self._depths, self._open
        predicates, predicate_lines = self._predicates, self._predicate_lines
        owners, shares = self._owners, self._shares

        def start(tag: str, attributes: Attributes) -> bool:
            if tag == "ScoreDistribution":
                owners.append(opened[-1])
                shares.append(attributes)
            elif tag == "SimplePredicate":
                predicates[opened[-1]] = attributes
                predicate_lines[opened[-1]] = find_line()
            elif tag == "Node":
                parents.append(opened[-1])
                depths.append(len(opened))
                opened.append(len(nodes))
                nodes.append(attributes)
                line = find_line()
                lines.append(line)
                predicates.append(None)
                predicate_lines.append(line)
                if len(opened) > MAX_DEPTH:
                    raise malformed(Element(tag, attributes, line), f"nodes are nested more than {MAX_DEPTH} deep")
            elif tag == "True":
                predicates[opened[-1]] = _ALWAYS
            elif tag == "False":
                predicates[opened[-1]] = _NEVER
            else:
                if tag == "DecisionTree":
                    raise unsupported(
                        Element(tag, attributes, find_line()), "a tree embedded in a node is not supported"
                    )
                return False
            return True

        def end(tag: str) -> None:
            if tag == "Node":
                opened.pop()

        return start, end

    def keep(self, element: Element) -> None:
        """Take an element that ``start`` did not: a predicate, or a regression; anything else is of no interest."""
        if element.tag in PREDICATES:
            self._predicates[self._open[-1]] = element
        elif element.tag == "Regression":
            self._embedded.append((self._open[-1], element))

    def finish(self) -> None:
        """Write the table of the root, nodes level by level."""
        parents = np.array(self._parents, dtype=np.int64)
        order = np.argsort(np.array(self._depths), kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        count = np.bincount(parents[1:], minlength=len(parents))[order]
        texts: dict[str, int] = {}
        places = order.tolist()
        nodes = [self._nodes[place] for place in places]
        table: Arrays = {
            "first": (1 + np.cumsum(count) - count).astype(np.int32),
            "count": count.astype(np.int32),
            "line": np.array(self._lines, dtype=np.int32)[order],
            "default": self._find_defaults(order, rank),
            **self._read_predicates(places, texts),
            **_read_lexemes("score", [node.get("score") for node in nodes], texts),
            **_read_lexemes("id", [node.get("id") for node in nodes], texts),
            "embedded": np.array([rank[place] for place, _ in self._embedded], dtype=np.int32),
            "records": self._numbers("recordCount", nodes, places),
        }
        fields = list(self._fields)
        labels, shares = self._read_shares(rank)
        kept = list(texts)
        self._root.table = {**table, **shares, "texts": kept, "fields": fields, "labels": labels}
        self._root.children = [*self._complex, *(element for _, element in self._embedded)]

    def _find_defaults(self, order: npt.NDArray[np.int64], rank: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        found = np.full(len(order), -1, dtype=np.int32)
        asking = [place for place, node in enumerate(self._nodes) if "defaultChild" in node]
        if asking:
            ids = {(self._parents[place], node.get("id")): place for place, node in reversed([*enumerate(self._nodes)])}
            for place in asking:
                child = ids.get((place, self._nodes[place]["defaultChild"]))
                if child is None:
                    wanted = self._nodes[place]["defaultChild"]
                    raise malformed(self._element(place), f"defaultChild={wanted!r} is the id of none of its children")
                found[rank[place]] = rank[child]
        return found

    def _element(self, place: int) -> Element:
        return Element("Node", self._nodes[place], self._lines[place])

    def _numbers(self, name: str, nodes: Sequence[Attributes], places: list[int]) -> npt.NDArray[np.float64]:
        if not any(name in node for node in nodes):
            return np.full(len(nodes), np.nan)
        return np.array([self._element(place).number(name, math.nan) for place in places], dtype=np.float64)

    def _read_predicates(self, places: list[int], texts: dict[str, int]) -> Arrays:
        self._fields: dict[str, int] = {}
        self._complex: list[Element] = []
        field, operator, kept = [], [], []
        values: list[str | None] = []
        for place in places:
            predicate = self._predicates[place]
            number, code, name, value = -1, COMPLEX, -1, None
            if isinstance(predicate, Element):
                number = len(self._complex)
                self._complex.append(predicate)
            elif predicate is _ALWAYS or predicate is _NEVER:
                code = trees.TRUE if predicate is _ALWAYS else trees.FALSE
            elif predicate is None:
                raise malformed(self._element(place), "it holds no predicate")
            else:
                code = OPERATORS.get(predicate.get("operator", ""), -1)
                value = predicate.get("value")
                if code < 0 or "field" not in predicate or (value is None and code not in _WITHOUT_VALUE):
                    raise self._explain(place, predicate)
                name = self._fields.setdefault(predicate["field"], len(self._fields))
            field.append(name)
            operator.append(code)
            kept.append(number)
            values.append(value)
        ints = {"field": field, "operator": operator, "complex": kept}
        arrays: Arrays = {key: np.array(numbers, dtype=np.int32) for key, numbers in ints.items()}
        return {**arrays, **_read_lexemes("value", values, texts)}

    def _explain(self, place: int, attributes: Attributes) -> Exception:
        element = Element("SimplePredicate", attributes, self._predicate_lines[place])
        element.require("field")
        operator = element.require("operator")
        if operator not in OPERATORS:
            return malformed(element, f"operator={operator!r} is none of {', '.join(OPERATORS)}")
        return malformed(element, f"the operator {operator!r} needs a value")

    def _read_shares(self, rank: npt.NDArray[np.int64]) -> tuple[list[str], Arrays]:
        owners = rank[np.array(self._owners, dtype=np.int64)]
        order = np.argsort(owners, kind="stable")
        shares = [self._shares[place] for place in order.tolist()]
        labels: dict[str, int] = {}
        try:
            codes = [labels.setdefault(share["value"], len(labels)) for share in shares]
        except KeyError:
            owner = next(owner for owner, share in zip(self._owners, self._shares, strict=True) if "value" not in share)
            share = Element("ScoreDistribution", {}, self._lines[owner])
            raise malformed(share, "the attribute 'value' is missing") from None
        ends = np.cumsum(np.bincount(owners, minlength=len(rank)))
        arrays: Arrays = {
            "dist_start": np.concatenate([[0], ends]).astype(np.int32),
            "dist_label": np.array(codes, dtype=np.int32),
        }
        for name in ("recordCount", "confidence", "probability"):
            arrays[f"dist_{name}"] = self._read_share_numbers(name, shares, order)
        return list(labels), arrays

    def _read_share_numbers(
        self, name: str, shares: list[Attributes], order: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Return one attribute of the distributions; empty where none has it."""
        try:
            numbers = [float(share.get(name, "nan")) for share in shares]
        except ValueError:
            for place, share in zip(order.tolist(), shares, strict=True):
                Element("ScoreDistribution", share, self._lines[self._owners[place]]).number(name, math.nan)
            raise
        array = np.array(numbers, dtype=np.float64)
        return array[:0] if np.isnan(array).all() else array


_WITHOUT_VALUE = (trees.IS_MISSING, trees.IS_NOT_MISSING)


def _read_lexemes(name: str, written: Sequence[str | None], texts: dict[str, int]) -> Arrays:
    """Write texts of which most are numbers: a number each, and a code that says how it was written."""
    distinct: dict[str, int] = {}
    places = [-1 if text is None else distinct.setdefault(text, len(distinct)) for text in written]
    numbers, codes = [], []
    for text in distinct:
        number, code = _read_lexeme(text)
        numbers.append(number)
        codes.append(texts.setdefault(text, len(texts)) if code == ABSENT else code)
    picked = np.array(places, dtype=np.int64)
    return {
        name: np.array([*numbers, math.nan], dtype=np.float64)[picked],
        f"{name}_code": np.array([*codes, ABSENT], dtype=np.int32)[picked],
    }


def _read_lexeme(text: str) -> tuple[float, int]:
    """Return a text as a number, and how it would be written again; ABSENT where the number alone would not do."""
    try:
        number = float(text)
    except ValueError:
        return math.nan, ABSENT
    if repr(number) == text:
        return number, AS_FLOAT
    if abs(number) < 2**53 and str(int(number)) == text:
        return number, AS_INTEGER
    return number, ABSENT
