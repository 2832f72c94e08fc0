"""The VectorDictionary: the fields that make a record's vector, and the support vectors.

Rules:

- A vector has one value for each of the VectorFields, in their order. A sparse array counts from 1, and what it leaves
  out is its default value.
- A field gives its number; a categorical predictor its coefficient where the field has its value, else 0. A missing
  number makes the row's vector missing; a missing category gives 0.

Standard: "Support Vector Machine", VectorDictionary, PMML 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.expressions.compiler import compile_expression
from headrace.formats.pmml.reducers import array_numbers
from headrace.formats.pmml.scope import Context, Field, Scope
from headrace.formats.pmml.xml import Element, malformed, unsupported

Values = npt.NDArray[np.floating[Any]]
MAX_CELLS = 1 << 28
"""Support vectors times fields: beyond it they would fill more than two gigabytes."""


def reduce_vector(element: Element) -> None:
    """Turn a VectorInstance into a table: ``values``; of a sparse one ``indices`` and ``sparse`` (size, default)."""
    array = next((child for child in element.children if child.tag in ("Array", "REAL-SparseArray")), None)
    if array is None:
        raise malformed(element, "it holds neither an Array nor a REAL-SparseArray")
    if array.tag == "Array":
        element.table = {"values": array_numbers(array)}
    else:
        indices, entries = array.find("Indices"), array.find("REAL-Entries")
        places = np.empty(0) if indices is None else array_numbers(indices)
        values = np.empty(0) if entries is None else array_numbers(entries)
        if len(places) != len(values):
            raise malformed(array, f"it holds {len(places)} indices and {len(values)} entries")
        if not np.all((places >= 1) & (places <= MAX_CELLS)):
            raise malformed(array, "an index is no count from 1")
        element.table = {
            "values": values,
            "indices": places.astype(np.int64) - 1,
            "sparse": np.array([array.integer("n", -1), array.number("defaultValue", 0.0)]),
        }
    element.children = []


def reduce_dictionary(element: Element) -> None:
    """Turn a VectorDictionary's vectors into one table: ``ids`` and the matrix ``values`` (vectors, fields)."""
    fields = element.find("VectorFields")
    width = 0 if fields is None else len(fields.content())
    vectors = element.find_all("VectorInstance")
    if width * len(vectors) > MAX_CELLS:
        raise unsupported(element, f"{len(vectors):,} vectors of {width:,} fields are more than is supported")
    values = np.zeros((len(vectors), width))
    for row, vector in enumerate(vectors):
        _fill(vector, values[row])
    element.table = {"ids": [vector.require("id") for vector in vectors], "values": values}
    element.children = [child for child in element.children if child.tag != "VectorInstance"]


def _fill(vector: Element, row: Floats) -> None:
    table = vector.table or {}
    values = np.asarray(table["values"], dtype=np.float64)
    size, default = np.asarray(table.get("sparse", [len(values), 0.0]), dtype=np.float64)
    if size not in (-1, len(row)):
        raise malformed(vector, f"it holds {int(size)} values for {len(row)} fields")
    if "indices" not in table:
        row[:] = values
        return
    indices = np.asarray(table["indices"], dtype=np.int64)
    if len(indices) and not (indices.min() >= 0 and indices.max() < len(row)):
        raise malformed(vector, f"an index lies outside 1 to {len(row)}")
    row[:] = default
    row[indices] = values


@dataclass(frozen=True, slots=True, eq=False)
class VectorField:
    """One place of a record's vector: a number, or the coefficient of a category."""

    field: Field
    constant: float | None
    coefficient: float

    def evaluate(self, context: Context) -> Floats:
        """Return the value of each row."""
        if self.constant is None:
            return context.numbers(self.field)
        values: Floats = np.where(context.measures(self.field) == self.constant, self.coefficient, 0.0)
        return values


@dataclass(frozen=True, slots=True, eq=False)
class VectorDictionary:
    """The compiled dictionary; ``ids`` gives the row of each support vector in ``vectors``."""

    fields: list[VectorField]
    ids: dict[str, int]
    vectors: Floats

    def read(self, context: Context, dtype: type[np.floating]) -> Values:
        """Return each record's vector, (rows, fields)."""
        values = np.empty((context.size, len(self.fields)), dtype=dtype)
        for place, field in enumerate(self.fields):
            values[:, place] = field.evaluate(context)
        return values


def compile_dictionary(element: Element, scope: Scope) -> VectorDictionary:
    """Compile a reduced VectorDictionary."""
    fields = [_compile_field(child, scope) for child in element.child("VectorFields").content()]
    if not fields:
        raise malformed(element, "its VectorFields are empty")
    table = element.table or {}
    names = [str(name) for name in table["ids"]]
    ids = {name: place for place, name in enumerate(names)}
    if len(ids) != len(names):
        twice = next(name for place, name in enumerate(names) if ids[name] != place)
        raise malformed(element, f"the vector {twice!r} is given twice")
    return VectorDictionary(fields, ids, np.asarray(table["values"], dtype=np.float64))


def _compile_field(element: Element, scope: Scope) -> VectorField:
    if element.tag == "CategoricalPredictor":
        field = scope.field(element.require("name"), element)
        constant = field.constant(element, element.require("value"))
        return VectorField(field, constant, element.number("coefficient", 1.0))
    if element.tag != "FieldRef":
        raise malformed(element, "VectorFields hold FieldRef and CategoricalPredictor only")
    field = scope.field(element.require("field"), element)
    if field.type.is_text:
        raise malformed(element, f"the field {field.name!r} holds text; it must be numeric")
    if "mapMissingTo" in element.attributes:
        field = Field(field.name, field.type, field.optype, compile_expression(element, scope))
    return VectorField(field, None, 1.0)
