"""TransformationDictionary and LocalTransformations: functions and derived fields brought into scope.

A derived field is compiled when it is first named, so the order of definitions is free; a field that leads back to
itself is refused. Standard: "Transformations", PMML 4.4.
"""

from __future__ import annotations

from headrace.formats.pmml.datatypes import read_type
from headrace.formats.pmml.expressions.compiler import compile_expression, find_expression
from headrace.formats.pmml.scope import Field, Function, Scope
from headrace.formats.pmml.xml import Element, malformed


def define_transformations(element: Element | None, scope: Scope) -> None:
    """Bring the functions and derived fields of a dictionary into scope."""
    if element is None:
        return
    for child in element.find_all("DefineFunction"):
        name = child.require("name")
        if name in scope.functions:
            raise malformed(child, f"the function {name!r} is defined twice")
        scope.functions[name] = Function(child)
    for child in element.find_all("DerivedField"):
        scope.define(child.require("name"), child, lambda inner, child=child: _compile(child, inner))  # type: ignore[misc]


def compile_all(element: Element | None, scope: Scope) -> None:
    """Compile every derived field of a dictionary, named by something or not, so that each error comes out at load."""
    if element is not None:
        for child in element.find_all("DerivedField"):
            scope.field(child.require("name"), child)


def _compile(element: Element, scope: Scope) -> Field:
    type = read_type(element)
    optype = element.get("optype") or ("categorical" if type.is_text else "continuous")
    compute = compile_expression(find_expression(element), scope)
    field = Field(element.require("name"), type, optype, compute)
    field.declared = tuple(child.require("value") for child in element.find_all("Value"))
    for text in field.declared if type.is_text else ():
        field.vocabulary.code(text)
    return field
