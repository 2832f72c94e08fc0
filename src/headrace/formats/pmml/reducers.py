"""Reducers of content that many elements share: Array, sparse arrays, InlineTable, Matrix.

Standard: "Arrays" and "Taxonomies/InlineTable" in the General Structure pages of PMML 4.4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from headrace.formats.pmml.xml import Element, Reducer, malformed

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


@lru_cache(maxsize=4096)
def split_tokens(text: str) -> tuple[str, ...]:
    r"""Split an array's text at blanks; a quoted part is one token, with ``\"`` for a quote in it."""
    if '"' not in text:
        return tuple(text.split())
    found = _TOKEN.findall(text)
    return tuple(plain or quoted.replace('\\"', '"').replace("\\\\", "\\") for quoted, plain in found)


def reduce_array(element: Element) -> None:
    """Turn an Array's text into a table: ``values``, numbers for int and real, else texts."""
    tokens = split_tokens(element.text)
    if "n" in element.attributes and element.integer("n") != len(tokens):
        raise malformed(element, f"n={element.get('n')!r}, but it holds {len(tokens)} values")
    element.text = ""
    if element.get("type") in ("int", "real"):
        element.table = {"values": _numbers(element, tokens)}
    else:
        element.table = {"values": list(tokens)}


def reduce_numbers(element: Element) -> None:
    """Turn blank-separated numbers (Indices, REAL-Entries, INT-Entries) into a table: ``values``."""
    element.table = {"values": _numbers(element, element.text.split())}
    element.text = ""


def reduce_inline_table(element: Element) -> None:
    """Turn an InlineTable's rows into one list of texts a column; an absent cell is "", missing like an empty one."""
    rows = element.find_all("row")
    table: dict[str, list[str]] = {}
    for number, row in enumerate(rows):
        for cell in row.children:
            column = table.setdefault(cell.tag.rpartition(" ")[2], [])
            column.extend("" for _ in range(number - len(column)))
            column.append(cell.text)
    for column in table.values():
        column.extend("" for _ in range(len(rows) - len(column)))
    element.children = [child for child in element.children if child.tag != "row"]
    element.table = dict(table)


def _numbers(element: Element, tokens: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    try:
        return np.array(tokens, dtype=np.float64)
    except ValueError:
        raise malformed(element, "it holds a value that is not a number") from None


FRAME_REDUCERS: dict[str, Reducer] = {
    "Array": reduce_array,
    "Indices": reduce_numbers,
    "INT-Entries": reduce_numbers,
    "REAL-Entries": reduce_numbers,
    "InlineTable": reduce_inline_table,
}
"""They hold in every document, from its first line on."""


def array_texts(element: Element) -> list[str]:
    """Return the values of a reduced Array as texts, as they would be written."""
    values = (element.table or {}).get("values", [])
    if isinstance(values, list):
        return values
    if element.get("type") == "int":
        return [str(int(value)) for value in values.tolist()]
    return [repr(value) for value in values.tolist()]


def array_numbers(element: Element) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the values of a reduced Array as numbers."""
    values = (element.table or {}).get("values", [])
    return _numbers(element, values) if isinstance(values, list) else values.astype(np.float64)
