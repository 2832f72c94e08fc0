"""Constant and FieldRef. Standard: "Transformations", Constant and FieldRef, PMML 4.4."""

from __future__ import annotations

from headrace.formats.pmml.columns import Column, constant, put
from headrace.formats.pmml.datatypes import DOUBLE, INTEGER, STRING, DataType, read_type
from headrace.formats.pmml.scope import Compute, Context, Scope
from headrace.formats.pmml.xml import Element, malformed


def compile_expression(element: Element, scope: Scope) -> Compute:
    """Compile a Constant or a FieldRef."""
    return _compile_constant(element, scope) if element.tag == "Constant" else _compile_reference(element, scope)


def read_constant(element: Element) -> tuple[float | str | None, DataType]:
    """Read a Constant's value and type. Without a dataType: integer, double or string, whichever the text is first."""
    text = element.text
    if element.flag("missing"):
        return None, read_type(element, "string")
    if "dataType" in element.attributes:
        return parse_value(element, text, read_type(element))
    for type in (INTEGER, DOUBLE):
        try:
            return type.parse(text), type
        except ValueError:
            continue
    return text, STRING


def parse_value(element: Element, text: str, type: DataType) -> tuple[float | str, DataType]:
    """Read a value that an element holds as a type."""
    if type.is_text:
        return text, type
    try:
        return type.parse(text), type
    except ValueError:
        raise malformed(element, f"{text!r} is not a value of the type {type.name}") from None


def _compile_constant(element: Element, scope: Scope) -> Compute:
    if element.text in scope.parameters and "dataType" not in element.attributes:
        # SAS Enterprise Miner writes a function's parameter as a constant that holds its name.
        field = scope.field(element.text, element)
        return lambda context: context.column(field)
    value, type = read_constant(element)
    return lambda context: constant(value, context.size, type)


def _compile_reference(element: Element, scope: Scope) -> Compute:
    field = scope.field(element.require("field"), element)
    replacement = element.attributes.get("mapMissingTo")
    if replacement is None:
        return lambda context: context.column(field)
    value, type = parse_value(element, replacement, field.type)

    def compute(context: Context) -> Column:
        column = context.column(field)
        missing = column.missing()
        return put(column, missing, constant(value, context.size, type)) if missing.any() else column

    return compute
