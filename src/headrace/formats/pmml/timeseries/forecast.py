"""What every algorithm gives: the forecast of a step, and how uncertain it is.

Steps count from 1, the first one after the series. An algorithm forecasts as many steps as the records ask for, at
once, and each record takes its own. Transformed series are turned back: the exponential of a logarithm, the square of
a square root; the ends of an interval go the same way. Standard: "Time Series Models", PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from headrace.formats.pmml.columns import Floats

TRANSFORMATIONS: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "none": (lambda values: values, lambda values: values),
    "logarithmic": (np.log, np.exp),
    "squareroot": (np.sqrt, np.square),
}
"""Each transformation of a series, and the way back."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Forecasts (targets, steps) and their standard errors, both still transformed; NaN where an error is unknown."""

    values: Floats
    errors: Floats


class Algorithm(Protocol):
    """One fitted algorithm of a model."""

    @property
    def transformation(self) -> str:
        """What was done to the series."""

    @property
    def targets(self) -> int:
        """How many series it forecasts."""

    def forecast(self, steps: int) -> Forecast:
        """Forecast the first so many steps."""


def unknown_errors(values: Floats) -> Floats:
    """Return errors that are not known, of the shape of some values."""
    return np.full(values.shape, np.nan)
