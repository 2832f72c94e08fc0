"""k-means: ``ClusteringModel``. The clusters are numbered from 0, as scikit-learn numbers them."""

from __future__ import annotations

from typing import Any

from headrace.export.sklearn_pmml.markup import Element, literal
from headrace.export.sklearn_pmml.scope import Column, Part, Scope


def _export_k_means(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    scope.forbid_missing(columns)
    fields = scope.numbers(columns)
    measure = Element(
        "ComparisonMeasure", {"kind": "distance", "compareFunction": "absDiff"}, Element("squaredEuclidean")
    )
    clusters = [
        Element(
            "Cluster",
            {"id": index},
            Element("Array", {"type": "real", "n": len(centre)}, text=" ".join(map(literal, centre))),
        )
        for index, centre in enumerate(estimator.cluster_centers_)
    ]
    output = Element(
        "OutputField",
        {"name": scope.target_name, "optype": "categorical", "dataType": "integer", "feature": "predictedValue"},
    )
    return Part(
        "ClusteringModel",
        "clustering",
        fields,
        (measure, *(Element("ClusteringField", {"field": field}) for field in fields), *clusters),
        {"modelClass": "centerBased", "numberOfClusters": len(clusters)},
        outputs=(output,),
    )


EXPORTERS = {
    "KMeans": _export_k_means,
    "MiniBatchKMeans": _export_k_means,
}
