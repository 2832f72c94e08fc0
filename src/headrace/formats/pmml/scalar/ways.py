"""How a part says that the general way has to be taken, and when a value is missing."""

from __future__ import annotations


class NoPlan(Exception):  # noqa: N818 (no error: the general way is taken)
    """A part of the model has no scalar form."""


class Unsettled(Exception):  # noqa: N818 (no error: the general way is taken)
    """A record needs the general way."""


def is_missing(value: object) -> bool:
    """Tell whether a value, number or text, is missing."""
    return value is None or value != value  # noqa: PLR0124 (not a number)
