"""Names at compile time (Scope, Field) and values at scoring time (Context).

Rules:

- Compiling turns every name into a ``Field`` object once; scoring never looks a name up.
- A field's column is computed when it is first asked for and kept for the rest of the batch, whoever asks.
- A scope sees its parent's names; a name of its own hides the parent's.
- A row that cannot be scored is reported with ``Context.fail`` and goes on as missing; its neighbours are not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from headrace.formats.pmml.columns import Bools, Codes, Column, Floats, Numbers, Rows, Texts, cast
from headrace.formats.pmml.datatypes import ANY, DOUBLE, STRING, DataType
from headrace.formats.pmml.dictionary import DataDictionary
from headrace.formats.pmml.vocabulary import Vocabulary
from headrace.formats.pmml.xml import Element, malformed

Compute = Callable[["Context"], Column]
MAX_CHAIN = 100
"""The longest chain of fields derived from one another; a longer one is refused at load."""


class Field:
    """One named value of each record: an input, a derived field, an earlier model's output."""

    __slots__ = ("chain", "compute", "declared", "is_list", "name", "optype", "type", "vocabulary")

    def __init__(
        self, name: str, type: DataType, optype: str, compute: Compute, *, vocabulary: Vocabulary | None = None
    ) -> None:
        self.name = name
        self.type = type
        self.optype = optype
        self.compute = compute
        self.vocabulary = Vocabulary() if vocabulary is None else vocabulary
        self.declared: tuple[str, ...] = ()
        self.chain = 0
        self.is_list = False
        """Whether a record holds a list of values, which only an Aggregate takes."""

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.type.name})"

    @property
    def is_coded(self) -> bool:
        """Tell whether values are compared as texts: those of text, and those whose type is not known before."""
        return self.type.is_text or self.type is ANY

    def constant(self, element: Element, text: str) -> float:
        """Return a constant of the model as what this field's ``Context.measures`` holds for it: number or code."""
        if self.is_coded:
            return float(self.vocabulary.code(text))
        try:
            value = self.type.parse_any(text)
        except ValueError:
            raise malformed(element, f"{text!r} is not a value of the {self.type.name} field {self.name!r}") from None
        return float(np.float32(value)) if self.type.is_float else value


class Function:
    """A function that a DefineFunction defines: parameter names, and its body, compiled where it is applied."""

    __slots__ = ("element", "open", "parameters")

    def __init__(self, element: Element) -> None:
        self.element = element
        self.open = False
        self.parameters = [child.require("name") for child in element.find_all("ParameterField")]


Definition = Callable[["Scope"], Field]


class Scope:
    """The names that an element may refer to."""

    def __init__(self, parent: Scope | None = None, dictionary: DataDictionary | None = None) -> None:
        self.parent = parent
        self.fields: dict[str, Field] = {}
        self.functions: dict[str, Function] = parent.functions if parent else {}
        self.parameters: frozenset[str] = frozenset()
        self.definitions: dict[str, tuple[Element, Definition]] = {}
        self.opened: list[_Opened] = parent.opened if parent else []
        self.groups: list[str] = parent.groups if parent else []
        """The field by which the rows of a table are grouped into records, if there is one."""
        self.applications: list[int] = parent.applications if parent else [0]
        if parent is not None:
            dictionary = parent.dictionary
        assert dictionary is not None
        self.dictionary: DataDictionary = dictionary

    def child(self) -> Scope:
        """Open a scope within this one."""
        return Scope(self)

    def count_application(self, element: Element, limit: int) -> None:
        """Count one more application of a defined function in the document."""
        self.applications[0] += 1
        if self.applications[0] > limit:
            raise malformed(element, f"the document applies defined functions more than {limit:,} times")

    def add(self, field: Field) -> Field:
        """Give a field its name here."""
        self.fields[field.name] = field
        return field

    def define(self, name: str, element: Element, definition: Definition) -> None:
        """Announce a field that is compiled when it is first named; so the order of definitions is free."""
        if name in self.definitions:
            raise malformed(element, f"the field {name!r} is defined twice")
        self.definitions[name] = (element, definition)

    def field(self, name: str, element: Element) -> Field:
        """Find the field of a name that ``element`` refers to.

        Raises ``ModelFormatError`` where there is none, or where a definition leads back to itself.
        """
        found = self.find(name)
        if found is None:
            raise malformed(element, f"there is no field {name!r}")
        if self.opened:
            self.opened[-1].chain = max(self.opened[-1].chain, found.chain)
        return found

    def find(self, name: str) -> Field | None:
        """Find the field of a name, or None."""
        scope: Scope | None = self
        while scope is not None:
            field = scope.fields.get(name)
            if field is not None:
                return field
            if name in scope.definitions:
                return scope.compile_definition(name)
            scope = scope.parent
        return None

    def compile_definition(self, name: str) -> Field:
        """Compile a field that was announced."""
        element, definition = self.definitions[name]
        names = [opened.name for opened in self.opened if opened.scope is self]
        if name in names:
            cycle = " -> ".join([*names[names.index(name) :], name])
            raise malformed(element, f"derived fields form a cycle: {cycle}")
        opened = _Opened(self, name)
        self.opened.append(opened)
        try:
            field = definition(self)
        finally:
            self.opened.pop()
        field.chain = opened.chain + 1
        if len(self.opened) >= MAX_CHAIN or field.chain > MAX_CHAIN:
            raise malformed(element, f"more than {MAX_CHAIN} derived fields build on one another")
        return self.add(field)


class _Opened:
    """A definition that is being compiled, and the longest chain among the fields that it has named so far."""

    __slots__ = ("chain", "name", "scope")

    def __init__(self, scope: Scope, name: str) -> None:
        self.scope = scope
        self.name = name
        self.chain = 0


class Context:
    """The rows being scored and every column that is known of them so far."""

    __slots__ = ("_measures", "columns", "errors", "memo", "parent", "rows", "size")

    def __init__(self, size: int, columns: Mapping[Field, Column] | None = None) -> None:
        self.size = size
        self.parent: Context | None = None
        self.rows: Rows | None = None
        self.errors: dict[int, str] = {}
        self.columns: dict[Field, Column] = dict(columns or {})
        self._measures: dict[Field, Floats] = {}
        self.memo: dict[object, dict[str, Any]] = {}
        """What an expression keeps by text for the rest of the batch, under a key of its own."""

    def subset(self, rows: Rows) -> Context:
        """Open a context on some of the rows; what is known of them already is taken over."""
        child = Context(len(rows))
        child.parent = self
        child.memo = self.memo
        child.rows = rows
        return child

    def column(self, field: Field) -> Column:
        """Return the field's column, computing it if this is the first to ask."""
        column = self.columns.get(field)
        if column is None:
            column = self.inherit(field)
            if column is None:
                column = cast(field.compute(self), field.type)
            self.columns[field] = column
        return column

    def inherit(self, field: Field) -> Column | None:
        """Return what the outer rows have of a field, None where they have nothing."""
        if self.parent is None or self.rows is None:
            return None
        column = self.parent.columns.get(field)
        if column is None:
            column = self.parent.inherit(field)
        return None if column is None else column.take(self.rows)

    def set(self, field: Field, column: Column) -> None:
        """Give a field its column, as models do with what they put out."""
        self.columns[field] = column
        self._measures.pop(field, None)

    def numbers(self, field: Field) -> Floats:
        """Return a field's numbers in double precision; a text that is not a number is missing."""
        column = self.column(field)
        if isinstance(column, Texts):
            column = cast(column, DOUBLE)
        assert isinstance(column, Numbers)
        return column.values.astype(np.float64, copy=False)

    def codes(self, field: Field) -> Codes:
        """Return a field's codes: -1 missing, ``len(field.vocabulary)`` for a text that the model never uses."""
        column = cast(self.column(field), STRING)
        assert isinstance(column, Texts)
        return field.vocabulary.align(column)

    def measures(self, field: Field) -> Floats:
        """Return numbers, or codes as numbers with NaN for missing: what compares with ``Field.constant``."""
        values = self._measures.get(field)
        if values is None:
            if field.is_coded:
                values = self.codes(field).astype(np.float64)
                values[values < 0] = np.nan
            else:
                values = self.numbers(field)
            self._measures[field] = values
        return values

    def fail(self, rows: Bools, reason: Callable[[int], str]) -> None:
        """Mark rows as not to be scored; ``reason`` is asked for each row's message. The first reason stays."""
        for row in np.flatnonzero(rows).tolist():
            context, place = self, row
            message = reason(row)
            while context.parent is not None and context.rows is not None:
                place = int(context.rows[place])
                context = context.parent
            context.errors.setdefault(place, message)
