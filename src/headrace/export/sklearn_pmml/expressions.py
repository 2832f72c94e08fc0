"""Small expressions of PMML's transformation language."""

from __future__ import annotations

from headrace.export.sklearn_pmml.markup import Element, literal


def constant(value: str | float) -> Element:
    """Give a number or a text."""
    kind = "string" if isinstance(value, str) else "double"
    return Element("Constant", {"dataType": kind}, text=literal(value))


def reference(field: str) -> Element:
    """Take the value of a field."""
    return Element("FieldRef", {"field": field})


def call(function: str, *arguments: Element | str | float) -> Element:
    """Apply a built-in function; a text argument names a field, a number stands for itself."""
    return Element("Apply", {"function": function}, *(_argument(argument) for argument in arguments))


def indicator(condition: Element) -> Element:
    """Give 1 where the condition holds and 0 where it does not."""
    return call("if", condition, 1.0, 0.0)


def _argument(argument: Element | str | float) -> Element:
    if isinstance(argument, Element):
        return argument
    return reference(argument) if isinstance(argument, str) else constant(argument)
