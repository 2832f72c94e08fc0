"""ClusteringModel. Standard: "Cluster Models", PMML 4.4.

A record belongs to the cluster whose centre is nearest (or most similar), the first of equals. The predicted value is
the cluster's id, its number from 1 where it has none; the display value is its name. A distribution-based model has
statistics in place of centres, and the standard gives no rule by which they assign a record: it is refused.

Before PMML 3.2 a model may have CenterFields, derived fields that the centres' coordinates belong to.
"""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Column, Floats, Texts, regroup
from headrace.formats.pmml.comparison import ComparedField, Comparison, compile_comparison
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.reducers import array_numbers, array_texts
from headrace.formats.pmml.result import Evaluator, Result
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.transformations import define_transformations
from headrace.formats.pmml.xml import Element, malformed, unsupported

CLASSES = frozenset({"centerBased", "distributionBased"})


class ClusteringEvaluator:
    """Finds the nearest centre."""

    def __init__(self, comparison: Comparison, centres: Floats, ids: list[str], names: list[str]) -> None:
        self._comparison = comparison
        self._centres = centres
        self._ids = ids
        self._names = names

    def evaluate(self, context: Context) -> Result:
        """Score all rows. A row that has no known field belongs to no cluster."""
        comparison = self._comparison
        measures = comparison.compare(comparison.read_rows(context), self._centres)
        lost = np.isnan(measures).any(axis=1)
        best = measures.argmax(axis=1) if comparison.similarity else measures.argmin(axis=1)
        codes = np.where(lost, -1, best).astype(np.int32)
        winner = Texts(codes, self._ids)

        def name_winner(_: Element) -> Column:
            return regroup(codes, self._names)

        return Result(
            winner,
            entity=winner,
            entities=self._ids,
            affinities=measures,
            best_is_least=not comparison.similarity,
            features={"predictedDisplayValue": name_winner},
        )


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile a ClusteringModel."""
    del info
    if element.choice("modelClass", CLASSES, "centerBased") == "distributionBased":
        raise unsupported(element, "the standard does not say how a distribution-based model scores a record")
    compared = _find_fields(element, scope)
    clusters = element.find_all("Cluster")
    if not clusters:
        raise malformed(element, "it holds no Cluster")
    if element.integer("numberOfClusters", len(clusters)) != len(clusters):
        raise malformed(element, f"numberOfClusters={element.get('numberOfClusters')!r}, but it holds {len(clusters)}")
    comparison = compile_comparison(element.child("ComparisonMeasure"), compared, _read_shares(element, len(compared)))
    centres = np.array([_read_centre(cluster, compared) for cluster in clusters])
    ids = [cluster.get("id") or str(number) for number, cluster in enumerate(clusters, start=1)]
    if len(set(ids)) != len(ids):
        raise malformed(element, "two clusters have the same id")
    names = [cluster.get("name") or identity for cluster, identity in zip(clusters, ids, strict=True)]
    return ClusteringEvaluator(comparison, centres, ids, names)


def _find_fields(element: Element, scope: Scope) -> list[ComparedField]:
    """Find the fields that the centres have coordinates for."""
    derived = element.find("CenterFields")
    listed = element.find_all("ClusteringField")
    if derived is not None:
        define_transformations(derived, scope)
        by_name = {child.get("field"): child for child in listed}
        parts = [(child.require("name"), child) for child in derived.find_all("DerivedField")]
        fields = [(name, by_name.get(name, child)) for name, child in parts]
    else:
        fields = [(child.require("field"), child) for child in listed if child.flag("isCenterField", True)]
    if not fields:
        raise malformed(element, "it holds no ClusteringField of its centres")
    return [ComparedField(scope.field(name, child), child, child.number("fieldWeight", 1.0)) for name, child in fields]


def _read_shares(element: Element, count: int) -> Floats | None:
    weights = element.find("MissingValueWeights")
    if weights is None:
        return None
    shares = array_numbers(weights.child("Array"))
    if len(shares) != count:
        raise malformed(weights, f"it holds {len(shares)} weights for {count} fields")
    return shares


def _read_centre(cluster: Element, compared: list[ComparedField]) -> list[float]:
    array = cluster.child("Array")
    size = len((array.table or {}).get("values", []))
    if size != len(compared):
        raise malformed(cluster, f"the centre has {size} coordinates for {len(compared)} fields")
    if not any(entry.field.type.is_text for entry in compared):
        return array_numbers(array).tolist()
    texts = array_texts(array)
    return [entry.field.constant(array, text) for entry, text in zip(compared, texts, strict=True)]
