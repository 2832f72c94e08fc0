"""Headrace within Apache Flink: streams of records and models in, results, dead letters and events out."""

from headrace.engines.flink.serving import Served, serve_keyed, serve_partitioned
from headrace.machinery.elements import Form, ModelElement, RecordElement, ScoredRecord

__all__ = [
    "Form",
    "ModelElement",
    "RecordElement",
    "ScoredRecord",
    "Served",
    "serve_keyed",
    "serve_partitioned",
]
