"""A light XML tree and its text.

Rules: attributes with the value None are left out; numbers are written so that reading them gives the same double;
writing never recurses, since a decision tree may be deeper than Python's stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

from headrace.errors import ModelError

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_DEEPEST_MARGIN = 20  # a deep tree's margins would outweigh its text


class Element:
    """An element: tag, attributes in the order given, children, and text where there are no children."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(
        self, tag: str, attributes: Mapping[str, object] | None = None, *children: Element, text: str = ""
    ) -> None:
        self.tag = tag
        self.attributes = {name: literal(value) for name, value in (attributes or {}).items() if value is not None}
        self.children = list(children)
        self.text = text

    def extend(self, children: Iterable[Element]) -> Element:
        """Append children and return the element itself."""
        self.children.extend(children)
        return self


def literal(value: object) -> str:
    """Write a value as PMML text: ``true``, ``3``, ``0.1`` (shortest text that reads back as the same double)."""
    item = getattr(value, "item", None)  # a NumPy scalar's own Python value; a single widens to the same number
    value = item() if callable(item) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def serialise(root: Element) -> bytes:
    """Write a document in UTF-8, one element a line, indented by one space a level down to the twentieth.

    Raises ``ModelError`` where a name or a value holds a character that XML cannot hold.
    """
    lines = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    open_elements: list[tuple[Element | None, str]] = [(root, "")]
    while open_elements:
        element, margin = open_elements.pop()
        if element is None:
            lines.append(margin)
            continue
        opened = f"{margin}<{element.tag}{_attributes(element)}"
        if element.children:
            lines.append(f"{opened}>\n")
            open_elements.append((None, f"{margin}</{element.tag}>\n"))
            inner = margin if len(margin) == _DEEPEST_MARGIN else margin + " "
            open_elements.extend((child, inner) for child in reversed(element.children))
        elif element.text:
            text = escape(_legal(element.text), {"\r": "&#13;"})
            lines.append(f"{opened}>{text}</{element.tag}>\n")
        else:
            lines.append(f"{opened}/>\n")
    return "".join(lines).encode()


def _attributes(element: Element) -> str:
    return "".join(f" {name}={quoteattr(_legal(value))}" for name, value in element.attributes.items())


def _legal(text: str) -> str:
    if _FORBIDDEN.search(text):
        raise ModelError(f"{text!r} holds a character that XML cannot hold; rename the field or the category")
    return text
