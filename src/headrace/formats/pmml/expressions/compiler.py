"""From an expression element to a function of the batch.

Each family's module has ``compile_expression(element, scope)``; a new expression is a new module and a line below.
Standard: "Transformations", PMML 4.4.
"""

from __future__ import annotations

from importlib import import_module

from headrace.formats.pmml.columns import Column
from headrace.formats.pmml.scope import Compute, Context, Scope
from headrace.formats.pmml.xml import Element, malformed, unsupported

FAMILIES: dict[str, str] = {
    "Constant": "references",
    "FieldRef": "references",
    "NormContinuous": "norms",
    "NormDiscrete": "norms",
    "Discretize": "discretize",
    "MapValues": "map_values",
    "Apply": "apply",
    "TextIndex": "text_index",
    "Aggregate": "aggregate",
    "Lag": "lag",
}


class Expression:
    """A compiled expression, and where it came from: a plan for single records compiles it once more."""

    __slots__ = ("compute", "element", "scope")

    def __init__(self, compute: Compute, element: Element, scope: Scope) -> None:
        self.compute = compute
        self.element = element
        self.scope = scope

    def __call__(self, context: Context) -> Column:
        """Compute the column of a batch."""
        return self.compute(context)


def compile_expression(element: Element, scope: Scope) -> Expression:
    """Compile one expression element. Raises ``ModelFormatError`` or ``UnsupportedError`` with its line."""
    family = FAMILIES.get(element.tag)
    if family is None:
        raise malformed(element, f"it is not an expression; those are {', '.join(sorted(FAMILIES))}")
    try:
        module = import_module(f"headrace.formats.pmml.expressions.{family}")
    except ModuleNotFoundError:
        raise unsupported(element, "this expression is not supported") from None
    return Expression(module.compile_expression(element, scope), element, scope)


def find_expression(parent: Element) -> Element:
    """Return the one expression that an element holds."""
    found = [child for child in parent.children if child.tag in FAMILIES]
    if len(found) != 1:
        raise malformed(parent, f"it holds {len(found)} expressions; it must hold one")
    return found[0]
