"""Headrace within Apache Beam: records and models in, results, dead letters and events out, on any portable runner."""

from headrace.engines.beam.broadcast import ServeBesideModels
from headrace.engines.beam.graph import Served
from headrace.engines.beam.handler import HeadraceModelHandler, Unscored
from headrace.engines.beam.serving import ServeModels
from headrace.machinery.elements import Form, ModelElement, RecordElement, ScoredRecord

__all__ = [
    "Form",
    "HeadraceModelHandler",
    "ModelElement",
    "RecordElement",
    "ScoredRecord",
    "ServeBesideModels",
    "ServeModels",
    "Served",
    "Unscored",
]
