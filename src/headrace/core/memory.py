"""What was made of objects that do not change, so that it need not be made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Thing = TypeVar("Thing")
Made = TypeVar("Made")


class Memory:
    """Remembers by identity. What is not recalled between two calls of ``turn`` is forgotten."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[Any, Any]] = {}
        self._now: dict[int, tuple[Any, Any]] = {}

    def turn(self) -> None:
        """Begin anew, with what was recalled since the last call."""
        self._before, self._now = self._now, {}

    def recall(self, thing: Thing, make: Callable[[Thing], Made]) -> Made:
        """Give what was made of a thing before, or make it."""
        known = self._now.get(id(thing)) or self._before.get(id(thing)) or (thing, make(thing))
        self._now[id(thing)] = known
        made: Made = known[1]
        return made
