"""What a built-in function is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headrace.formats.pmml.columns import Column

Call = Callable[[list[Column]], Column]


@dataclass(frozen=True, slots=True)
class Builtin:
    """One function: what it computes of its arguments' columns, and how many arguments it takes.

    ``most`` is None where there is no greatest number. A ``strict`` function's result is missing where any argument
    is.
    """

    name: str
    call: Call
    least: int
    most: int | None
    strict: bool = True


def table(*entries: Builtin) -> dict[str, Builtin]:
    """Index functions by name."""
    return {entry.name: entry for entry in entries}
