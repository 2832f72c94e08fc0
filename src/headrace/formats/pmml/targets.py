"""Targets: what is done to a predicted value before it leaves the model.

Continuous: kept within min and max, then times rescaleFactor plus rescaleConstant, then cast to an integer. Where
nothing was predicted: the default value, or the most probable value by the prior probabilities.
Standard: "Targets", PMML 4.4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.formats.pmml.columns import Numbers, Texts, constant, put
from headrace.formats.pmml.datatypes import FLOAT, INTEGER
from headrace.formats.pmml.result import Result
from headrace.formats.pmml.xml import Element

Cast = Callable[[npt.NDArray[np.floating[Any]]], npt.NDArray[np.floating[Any]]]
CASTS: dict[str, Cast] = {"round": lambda values: np.floor(values + 0.5), "ceiling": np.ceil, "floor": np.floor}


@dataclass(frozen=True, slots=True)
class Target:
    """What a Target element says."""

    field: str
    cast: str = ""
    low: float = -math.inf
    high: float = math.inf
    factor: float = 1.0
    offset: float = 0.0
    default: float = math.nan
    priors: dict[str, float] = dataclass_field(default_factory=dict)
    display: dict[str, str] = dataclass_field(default_factory=dict)

    def apply(self, result: Result) -> Result:
        """Treat a result's predicted value."""
        value = result.value
        if not isinstance(value, Numbers):
            return self._fill(result, value)
        treated = self._rescale(value)
        return result if treated is value else replace(result, value=treated)

    def _rescale(self, column: Numbers) -> Numbers:
        values = column.values
        if not math.isnan(self.default):
            values = np.where(np.isnan(values), self.default, values).astype(values.dtype)
        if self.low != -math.inf or self.high != math.inf:
            values = np.clip(values, self.low, self.high).astype(values.dtype)
        if self.factor != 1.0:
            values = values * values.dtype.type(self.factor)
        if self.offset != 0.0:
            values = values + values.dtype.type(self.offset)
        if self.cast:
            return Numbers(CASTS[self.cast](values).astype(np.float64), INTEGER)
        return column if values is column.values else Numbers(values, column.type)

    def _fill(self, result: Result, column: Texts) -> Result:
        missing = column.missing()
        if not self.priors or not missing.any():
            return result
        likeliest = max(self.priors, key=self.priors.__getitem__)
        labels = list(dict.fromkeys([*result.labels, *self.priors]))
        probabilities = np.full((len(column), len(labels)), np.nan)
        if result.probabilities is not None:
            probabilities[:, : len(result.labels)] = result.probabilities
            probabilities[:, len(result.labels) :] = 0.0
        probabilities[missing] = [self.priors.get(label, 0.0) for label in labels]
        value = put(column, missing, constant(likeliest, len(column)))
        return replace(result, value=value, labels=labels, probabilities=probabilities)


def read_targets(model: Element) -> dict[str, Target]:
    """Read a model's Targets by field name; "" for one that names no field."""
    element = model.find("Targets")
    targets = [] if element is None else [_read_target(child) for child in element.find_all("Target")]
    return {target.field: target for target in targets}


def _read_target(element: Element) -> Target:
    priors: dict[str, float] = {}
    display: dict[str, str] = {}
    default = math.nan
    for child in element.find_all("TargetValue"):
        if "value" in child.attributes and "priorProbability" in child.attributes:
            priors[child.get("value")] = child.number("priorProbability")
        if "value" in child.attributes and "displayValue" in child.attributes:
            display[child.get("value")] = child.get("displayValue")
        default = child.number("defaultValue", default)
    return Target(
        field=element.get("field"),
        cast=element.choice("castInteger", frozenset({*CASTS, ""}), ""),
        low=element.number("min", -math.inf),
        high=element.number("max", math.inf),
        factor=element.number("rescaleFactor", 1.0),
        offset=element.number("rescaleConstant", 0.0),
        default=default,
        priors=priors,
        display=display,
    )


def find_target(element: Element, names: Sequence[str]) -> str:
    """Find which of several targets an output means: by targetField, by ``Predicted_`` and its name, else the first."""
    wanted = element.get("targetField") or re.sub("^[Pp]redicted_", "", element.get("name"))
    return wanted if wanted in names else names[0]


def is_single(element: Element) -> bool:
    """Tell whether a model asks for single-precision arithmetic (x-mathContext)."""
    return element.get("x-mathContext") == FLOAT.name


def find_start(element: Element) -> float:
    """Return the constant that a model's sum in single precision starts from; its target does not add it again.

    Each addition in single precision is rounded, so their order shows. Boosting libraries add the trees to their
    constant one by one; the sum does the same wherever the target does no more than adding it.
    """
    targets = list(read_targets(element).values()) if is_single(element) else []
    if len(targets) != 1 or replace(targets[0], field="", offset=0.0, display={}) != Target(""):
        return 0.0
    return float(np.float32(targets[0].offset))
