"""What a model element's evaluator gives: the predicted value and everything that an output may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, Numbers, Rows, Texts
from headrace.formats.pmml.scope import Context
from headrace.formats.pmml.xml import Element

Feature = Callable[[Element], Column]
"""A result feature that only one element knows: from an OutputField element to a column."""


@dataclass(slots=True, eq=False)
class Result:
    """The result of one model for the rows of a context.

    - ``value``: the predicted value. Classification: a column of labels as ``Texts``.
    - ``labels`` and ``probabilities``: classes and a matrix (rows, classes); NaN in a row that has no prediction.
      ``confidences`` likewise, where it differs.
    - ``entity``: the id of the winning entity (node, cluster, rule, neuron).
    - ``affinities``: a matrix (rows, entities) of distance or similarity, its columns named by ``entities``;
      ``best_is_least`` tells which end is best.
    - ``features``: features of this element alone, by name; they go before those of the frame.
    - ``segments``: the results of a mining model's segments by segment id, each as large as this one.
    - ``targets``: of a model with several targets, the result of each by its field's name.
    - ``outputs``: final output columns of segments, which a model chain hands on to its own output.
    """

    value: Column
    labels: Sequence[str] = ()
    probabilities: Floats | None = None
    confidences: Floats | None = None
    entity: Texts | None = None
    entities: Sequence[str] = ()
    affinities: Floats | None = None
    best_is_least: bool = True
    features: Mapping[str, Feature] = field(default_factory=dict)
    segments: Mapping[str, Result] = field(default_factory=dict)
    targets: Mapping[str, Result] = field(default_factory=dict)
    outputs: Mapping[str, Column] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.value)

    def place(self, rows: Rows, size: int) -> Result:
        """Spread the result over ``size`` rows; the others have no prediction."""
        return replace(
            self,
            value=self.value.place(rows, size),
            probabilities=_place(self.probabilities, rows, size),
            confidences=_place(self.confidences, rows, size),
            affinities=_place(self.affinities, rows, size),
            entity=None if self.entity is None else _as_texts(self.entity.place(rows, size)),
            features={name: _placed(feature, rows, size) for name, feature in self.features.items()},
            segments={name: result.place(rows, size) for name, result in self.segments.items()},
            targets={name: result.place(rows, size) for name, result in self.targets.items()},
            outputs={name: column.place(rows, size) for name, column in self.outputs.items()},
        )


def _place(matrix: Floats | None, rows: Rows, size: int) -> Floats | None:
    if matrix is None:
        return None
    spread = np.full((size, matrix.shape[1]), np.nan)
    spread[rows] = matrix
    return spread


def _placed(feature: Feature, rows: Rows, size: int) -> Feature:
    return lambda element: feature(element).place(rows, size)


def _as_texts(column: Column) -> Texts:
    assert isinstance(column, Texts)
    return column


class Evaluator(Protocol):
    """A compiled model element. It keeps no state between calls."""

    def evaluate(self, context: Context) -> Result:
        """Score all rows of a context. A row that cannot be scored is missing in the result."""


def choose_label(labels: Sequence[str], probabilities: Floats) -> Texts:
    """Return each row's most probable label, the first of equals; missing where the row has no probabilities."""
    if probabilities.size and not np.isnan(probabilities.min()):
        return Texts(probabilities.argmax(axis=1).astype(np.int32), labels)
    known = ~np.isnan(probabilities).any(axis=1) if probabilities.shape[1] else np.zeros(len(probabilities), np.bool_)
    codes = np.full(len(probabilities), -1, dtype=np.int32)
    if known.any():
        codes[known] = probabilities[known].argmax(axis=1).astype(np.int32)
    return Texts(codes, labels)


def missing_numbers(size: int) -> Numbers:
    """Return a column of numbers that are all missing."""
    return Numbers(np.full(size, np.nan))
