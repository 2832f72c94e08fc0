"""What can be written: exporters by scikit-learn's class names."""

from __future__ import annotations

from headrace.export.sklearn_pmml.models import forests, linear, trees
from headrace.export.sklearn_pmml.scope import ModelExporter, TransformerExporter
from headrace.export.sklearn_pmml.transformers import composition, scalers

MODELS: dict[str, ModelExporter] = {
    **composition.MODELS,
    **forests.EXPORTERS,
    **linear.EXPORTERS,
    **trees.EXPORTERS,
}
TRANSFORMERS: dict[str, TransformerExporter] = {
    **composition.TRANSFORMERS,
    **scalers.EXPORTERS,
}
