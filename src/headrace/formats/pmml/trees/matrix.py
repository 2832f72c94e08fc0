"""The tests of a tree's nodes, and the matrix of values that they test.

Every predicate becomes a test of one column: simple tests and sets compare a field's column; any other predicate is
computed for the batch first and gives a column of its own, 1, 0 or NaN, that is tested for 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Floats, Numbers
from headrace.formats.pmml.kernels import trees
from headrace.formats.pmml.predicates import Predicate, Test, compile_predicate, read_test
from headrace.formats.pmml.reducers import array_texts
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.trees.nodes import COMPLEX, Ints, NodeTable, read_lexeme
from headrace.formats.pmml.xml import Element, malformed

_ORDERED = (trees.LESS, trees.LESS_OR_EQUAL, trees.GREATER, trees.GREATER_OR_EQUAL)


class Matrix:
    """The columns that trees test, shared by the trees of a forest; each field or predicate has one column."""

    def __init__(self) -> None:
        self._sources: list[Field | Predicate] = []
        self._places: dict[Field, int] = {}

    def __len__(self) -> int:
        return len(self._sources)

    @property
    def fields(self) -> list[Field] | None:
        """The fields in the order of the columns, None where a column is a predicate's."""
        fields = [source for source in self._sources if isinstance(source, Field)]
        return fields if len(fields) == len(self._sources) else None

    def add_field(self, source: Field) -> int:
        """Return a field's column."""
        place = self._places.setdefault(source, len(self._sources))
        if place == len(self._sources):
            self._sources.append(source)
        return place

    def add_predicate(self, predicate: Predicate) -> int:
        """Give a predicate a column of 1, 0 and NaN."""
        self._sources.append(predicate)
        return len(self._sources) - 1

    def fill(self, context: Context) -> npt.NDArray[np.float64]:
        """Return the matrix of a batch: a row each record, in C order."""
        matrix = np.empty((context.size, max(len(self._sources), 1)), dtype=np.float64)
        for place, source in enumerate(self._sources):
            if not isinstance(source, Field):
                matrix[:, place] = source(context)
            elif isinstance(column := context.column(source), Numbers):
                matrix[:, place] = column.values
            else:
                matrix[:, place] = context.measures(source)
        return matrix


@dataclass(slots=True, eq=False)
class Tests:
    """The test of each node, as the kernel takes them."""

    column: Ints
    operator: npt.NDArray[np.int8]
    constant: Floats
    members: Floats
    member_start: Ints


def compile_tests(nodes: NodeTable, scope: Scope, matrix: Matrix) -> Tests:
    """Bind the nodes' predicates to fields and columns."""
    fields = [scope.field(name, nodes.element) for name in nodes.fields]
    places = np.array([matrix.add_field(entry) for entry in fields] + [-1], dtype=np.int32)
    column = places[nodes.field]
    constant = nodes.value.copy()
    for place, entry in enumerate(fields):
        _bind_constants(nodes, place, entry, constant)
    operator = nodes.operator.astype(np.int8)
    members: list[float] = []
    known: dict[tuple[str, ...], Test] = {}
    starts = np.zeros(len(nodes) + 1, dtype=np.int32)
    previous = 0
    for node in np.flatnonzero(nodes.operator == COMPLEX).tolist():
        starts[previous + 1 : node + 1] = len(members)
        predicate = nodes.element.children[nodes.complex[node]]
        if predicate.tag == "SimpleSetPredicate":
            test = _read_set(predicate, scope, known)
            column[node] = matrix.add_field(test.field)
            operator[node] = trees.IS_IN if test.operator == "isIn" else trees.IS_NOT_IN
            members.extend(test.members)
        else:
            column[node] = matrix.add_predicate(compile_predicate(predicate, scope))
            operator[node], constant[node] = trees.EQUAL, 1.0
        previous = node
    starts[previous + 1 :] = len(members)
    return Tests(column, operator, constant, np.array(members, dtype=np.float64), starts)


def _read_set(predicate: Element, scope: Scope, known: dict[tuple[str, ...], Test]) -> Test:
    """Read a test of a set; many nodes ask for the same one."""
    key = (predicate.get("field"), predicate.get("booleanOperator"), *array_texts(predicate.child("Array")))
    test = known.get(key)
    if test is None:
        test = known[key] = read_test(predicate, scope)
    return test


def _bind_constants(nodes: NodeTable, place: int, entry: Field, constant: Floats) -> None:
    """Turn the values that a field's tests name into what the field's column holds."""
    at = np.flatnonzero(nodes.field == place)
    if entry.type.is_float:
        constant[at] = constant[at].astype(np.float32)
    if not entry.type.is_text:
        at = at[np.isnan(nodes.value[at])]
    for node in at.tolist():
        text = read_lexeme(nodes.value[node].item(), nodes.value_code[node].item(), nodes.texts)
        if text is not None:
            if entry.type.is_text and not entry.declared and nodes.operator[node] in _ORDERED:
                raise malformed(nodes.element, f"the values of the text field {entry.name!r} have no order")
            constant[node] = entry.constant(nodes.element, text)
