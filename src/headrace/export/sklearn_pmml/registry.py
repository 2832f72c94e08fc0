"""What can be written: exporters by scikit-learn's class names."""

from __future__ import annotations

from headrace.export.sklearn_pmml.models import (
    baselines,
    bayes,
    boosting,
    clusters,
    forests,
    histogram_boosting,
    linear,
    networks,
    support_vectors,
    trees,
)
from headrace.export.sklearn_pmml.scope import ModelExporter, TransformerExporter
from headrace.export.sklearn_pmml.transformers import (
    composition,
    discretizers,
    encoders,
    functions,
    imputers,
    projections,
    scalers,
    selection,
)

MODELS: dict[str, ModelExporter] = {
    **baselines.EXPORTERS,
    **bayes.EXPORTERS,
    **boosting.EXPORTERS,
    **clusters.EXPORTERS,
    **composition.MODELS,
    **forests.EXPORTERS,
    **histogram_boosting.EXPORTERS,
    **linear.EXPORTERS,
    **networks.EXPORTERS,
    **support_vectors.EXPORTERS,
    **trees.EXPORTERS,
}
TRANSFORMERS: dict[str, TransformerExporter] = {
    **composition.TRANSFORMERS,
    **discretizers.EXPORTERS,
    **encoders.EXPORTERS,
    **functions.EXPORTERS,
    **imputers.EXPORTERS,
    **projections.EXPORTERS,
    **scalers.EXPORTERS,
    **selection.EXPORTERS,
}
