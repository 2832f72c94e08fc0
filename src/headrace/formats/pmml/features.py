"""Result features: what an OutputField may ask of a result, one function each.

A feature that only one element knows comes with its result (``Result.features``) and goes before this table. Each
function takes the OutputField's element, the result and the model's target, and returns a column.
Standard: "Output", PMML 4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, Numbers, Texts, cast, regroup
from headrace.formats.pmml.datatypes import DOUBLE, STRING
from headrace.formats.pmml.ranking import list_texts
from headrace.formats.pmml.result import Result, choose_label
from headrace.formats.pmml.targets import Target
from headrace.formats.pmml.xml import Element, unsupported


@dataclass(frozen=True, slots=True)
class Request:
    """What an OutputField asks, of which result, under which target; ``actual`` is what the target really was."""

    element: Element
    result: Result
    target: Target | None
    actual: Column | None = None


FeatureFunction = Callable[[Request], Column]


def _predicted_value(asked: Request) -> Column:
    return asked.result.value


def _display_value(asked: Request) -> Column:
    value, target = asked.result.value, asked.target
    if target is None or not target.display or not isinstance(value, Texts):
        return value
    return regroup(value.codes, [target.display.get(text, text) for text in value.categories])


def _probability(asked: Request) -> Column:
    return _class_column(asked.element, asked.result, asked.result.probabilities)


def _confidence(asked: Request) -> Column:
    result = asked.result
    matrix = result.confidences if result.confidences is not None else result.probabilities
    return _class_column(asked.element, result, matrix)


def _class_column(element: Element, result: Result, matrix: Floats | None) -> Column:
    """Return the column of a class: that of ``value``, or of the predicted class where no value is given."""
    if matrix is None:
        return Numbers(np.full(result.size, np.nan))
    if "value" in element.attributes:
        return Numbers(_find_column(element.get("value"), result.labels, matrix, result.size))
    return Numbers(_pick(result, matrix))


def _find_column(label: str, labels: Sequence[str], matrix: Floats, size: int) -> Floats:
    place = find_label(label, labels)
    if place is not None:
        return np.ascontiguousarray(matrix[:, place])
    return np.where(np.isnan(matrix).any(axis=1), np.nan, 0.0) if matrix.shape[1] else np.full(size, np.nan)


def find_label(label: str, labels: Sequence[str]) -> int | None:
    """Find a class; numbers that are equal are one class however they are written (1 and 1.0)."""
    if label in labels:
        return labels.index(label)
    try:
        number = float(label)
    except ValueError:
        return None
    for place, candidate in enumerate(labels):
        try:
            if float(candidate) == number:
                return place
        except ValueError:
            continue
    return None


def _pick(result: Result, matrix: Floats) -> Floats:
    value = result.value if isinstance(result.value, Texts) else choose_label(result.labels, matrix)
    index = {label: place for place, label in enumerate(result.labels)}
    table = np.array([index.get(text, -1) for text in value.categories] + [-1], dtype=np.int32)
    places = table[value.codes]
    picked = matrix[np.arange(result.size), places]
    return np.where(places < 0, np.nan, picked)


def _entity_id(asked: Request) -> Column:
    element, result = asked.element, asked.result
    rank = element.integer("rank", 1)
    if element.flag("isMultiValued") and result.affinities is not None:
        count = min(rank or len(result.entities), len(result.entities))
        ranked = [rank_entities(result, each, _ascends(element, result)) for each in range(1, count + 1)]
        return list_texts(np.stack(ranked, axis=1), result.entities)
    if rank == 1 and result.entity is not None and "rankOrder" not in element.attributes:
        return result.entity
    if result.affinities is None:
        return Texts(np.full(result.size, -1, dtype=np.int32), [])
    return Texts(rank_entities(result, rank, _ascends(element, result)), result.entities)


def _ascends(element: Element, result: Result) -> bool:
    """Tell whether entities are ranked from the least affinity up: best first, unless the output says an order."""
    order = element.get("rankOrder")
    return order == "ascending" if order else result.best_is_least


def rank_entities(result: Result, rank: int, ascending: bool) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Return the place of each row's rank-th entity by affinity, -1 where there is none."""
    assert result.affinities is not None
    matrix = result.affinities if ascending else -result.affinities
    if rank < 1 or rank > matrix.shape[1]:
        return np.full(result.size, -1, dtype=np.int32)
    order = np.argsort(matrix, axis=1, kind="stable")[:, rank - 1].astype(np.int32)
    order[np.isnan(matrix).all(axis=1)] = -1
    return order


def _affinity(asked: Request) -> Column:
    element, result = asked.element, asked.result
    if result.affinities is None:
        return Numbers(np.full(result.size, np.nan))
    if "value" in element.attributes and element.get("value") in result.entities:
        return Numbers(np.ascontiguousarray(result.affinities[:, result.entities.index(element.get("value"))]))
    places = rank_entities(result, element.integer("rank", 1), _ascends(element, result))
    picked = result.affinities[np.arange(result.size), places]
    return Numbers(np.where(places < 0, np.nan, picked))


def _residual(asked: Request) -> Column:
    """Return the actual number less the predicted one; of a class, 1 or 0 for whether it is the actual one less p."""
    result, actual = asked.result, asked.actual
    assert actual is not None
    if isinstance(result.value, Numbers):
        number = cast(actual, DOUBLE)
        assert isinstance(number, Numbers)
        return Numbers(number.values - result.value.values)
    probability = _class_column(asked.element, result, result.probabilities)
    assert isinstance(probability, Numbers)
    texts = cast(actual, STRING)
    assert isinstance(texts, Texts)
    label = asked.element.attributes.get("value")
    wanted = result.value.to_list() if label is None else [label] * result.size
    same = [_is_label(text, class_) for text, class_ in zip(texts.to_list(), wanted, strict=True)]
    return Numbers(np.array(same, dtype=np.float64) - probability.values)


def _is_label(text: str | None, label: str | None) -> float:
    """Return 1 or 0 for whether a class is the actual one, NaN where either is missing."""
    if text is None or label is None:
        return float("nan")
    return 1.0 if find_label(text, [label]) == 0 else 0.0


def _no_report(asked: Request) -> Column:
    """Stand for a warning, or a report of how another output came about: there is none, so it is missing."""
    return Texts(np.full(asked.result.size, -1, dtype=np.int32), [])


FEATURES: dict[str, FeatureFunction] = {
    "predictedValue": _predicted_value,
    "predictedDisplayValue": _display_value,
    "probability": _probability,
    "confidence": _confidence,
    "entityId": _entity_id,
    "clusterId": _entity_id,
    "affinity": _affinity,
    "entityAffinity": _affinity,
    "clusterAffinity": _affinity,
    "residual": _residual,
    "warning": _no_report,
    "x-report": _no_report,
}


def compute_feature(feature: str, asked: Request) -> Column:
    """Compute one feature of a result."""
    own = asked.result.features.get(feature)
    return own(asked.element) if own is not None else FEATURES[feature](asked)


def check_feature(feature: str, element: Element, own: Sequence[str]) -> None:
    """Refuse at load a feature that neither the frame nor the model's element (``own``) knows."""
    if feature not in FEATURES and feature not in own:
        known = ", ".join(sorted({*FEATURES, *own, "transformedValue", "decision"}))
        raise unsupported(element, f"feature={feature!r} is not supported here; supported: {known}")
