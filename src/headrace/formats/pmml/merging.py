"""Results of several models in one, each in rows of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from headrace.formats.pmml.columns import Bools, Column, put
from headrace.formats.pmml.result import Result


def merge_results(base: Result, other: Result, rows: Bools) -> Result:
    """Return a result that is ``other`` in these rows and ``base`` elsewhere."""
    labels = list(dict.fromkeys([*base.labels, *other.labels]))
    probabilities = None
    if base.probabilities is not None or other.probabilities is not None:
        left, right = _spread(base, labels), _spread(other, labels)
        probabilities = np.where(rows[:, None], right, left)
    return replace(
        base,
        value=put(base.value, rows, other.value),
        labels=labels,
        probabilities=probabilities,
        confidences=None,
        entity=None if base.entity is None or other.entity is None else put(base.entity, rows, other.entity),  # type: ignore[arg-type]
        outputs=merge_outputs(base.outputs, other.outputs, rows),
    )


def _spread(result: Result, labels: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return a result's probabilities over more labels."""
    spread = np.full((result.size, len(labels)), np.nan)
    if result.probabilities is not None:
        spread[~np.isnan(result.probabilities).any(axis=1)] = 0.0
        spread[:, [labels.index(label) for label in result.labels]] = result.probabilities
    return spread


def merge_outputs(base: Mapping[str, Column], other: Mapping[str, Column], rows: Bools | None) -> dict[str, Column]:
    """Return outputs that are ``other``'s in these rows (None: in all), and ``base``'s elsewhere."""
    merged = dict(base)
    for name, column in other.items():
        merged[name] = put(merged[name], rows, column) if rows is not None and name in merged else column
    return merged
