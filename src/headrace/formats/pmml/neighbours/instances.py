"""The training instances of a NearestNeighborModel.

A column whose cells are all written as numbers in the usual way is held as numbers, from which the same texts can be
written again; any other one is held as texts. Standard: "k-Nearest Neighbors", TrainingInstances, PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Column, Numbers, cast, encode_texts
from headrace.formats.pmml.expressions.map_values import local_name
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed

Cells = npt.NDArray[Any] | list[str]


def reduce_row(element: Element) -> None:
    """Turn a row's cells into two lists as soon as the row ends: names and texts."""
    element.table = {
        "names": [cell.tag.rpartition(" ")[2] for cell in element.children],
        "texts": [cell.text for cell in element.children],
    }
    element.children = []


def reduce_table(element: Element) -> None:
    """Turn an InlineTable's reduced rows into columns; an absent cell is "", missing like an empty one."""
    rows = element.find_all("row")
    columns: dict[str, list[str]] = {}
    for number, row in enumerate(rows):
        table = row.table or {}
        for name, text in zip(table.get("names", []), table.get("texts", []), strict=True):
            column = columns.setdefault(str(name), [])
            column.extend("" for _ in range(number - len(column)))
            column.append(str(text))
    for column in columns.values():
        column.extend("" for _ in range(len(rows) - len(column)))
    element.children = [child for child in element.children if child.tag != "row"]
    element.table = {name: _pack(column) for name, column in columns.items()}


def _pack(texts: list[str]) -> Cells:
    """Return texts as numbers if every one of them is what Python writes for its number."""
    try:
        numbers = [float(text) for text in texts]
        if all(repr(number) == text for number, text in zip(numbers, texts, strict=True)):
            return np.array(numbers)
        whole = [int(text) for text in texts]
        if all(str(number) == text for number, text in zip(whole, texts, strict=True)):
            return np.array(whole, dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    return texts


class Instances:
    """The instances by field name."""

    def __init__(self, element: Element) -> None:
        self.element = element
        if element.find("TableLocator") is not None:
            raise malformed(element, "a TableLocator names a table outside the document; put it inline")
        table = element.child("InlineTable").table or {}
        self._columns: dict[str, Cells] = {}
        for child in element.child("InstanceFields").find_all("InstanceField"):
            name = child.require("field")
            cells = table.get(local_name(child.get("column", name)))
            if cells is None:
                raise malformed(child, f"the table has no column {child.get('column', name)!r}")
            self._columns[name] = cells
        sizes = {len(cells) for cells in self._columns.values()}
        if len(sizes) != 1 or sizes == {0}:
            raise malformed(element, "it holds no instances")
        self.size = sizes.pop()
        if element.integer("recordCount", self.size) != self.size:
            raise malformed(element, f"recordCount={element.get('recordCount')!r}, but it holds {self.size} instances")

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def texts(self, name: str) -> list[str]:
        """Return a field's cells as they were written."""
        if name not in self._columns:
            raise malformed(self.element, f"the instances have no field {name!r}")
        return [str(cell) for cell in self._columns[name]]

    def open_context(self, scope: Scope, left_out: Sequence[str]) -> Context:
        """Open a context whose rows are the instances, with every field but those left out."""
        context = Context(self.size)
        for name, cells in self._columns.items():
            field = None if name in left_out else scope.find(name)
            if field is not None:
                context.set(field, self._read(field, cells))
        return context

    def _read(self, field: Field, cells: Cells) -> Column:
        if isinstance(cells, np.ndarray) and not field.type.is_text:
            return cast(Numbers(cells.astype(np.float64)), field.type)
        texts = [str(cell) for cell in cells]
        column = encode_texts(text or None for text in texts)
        if field.type.is_text:
            for text in column.categories:
                field.vocabulary.code(text)
            return column
        numbers = cast(column, field.type)
        wrong = numbers.missing() & ~column.missing()
        if wrong.any():
            text = texts[int(np.flatnonzero(wrong)[0])]
            raise malformed(
                self.element, f"{text!r} is not a value of the {field.type.name} field {field.name!r} of the instances"
            )
        return numbers
