"""Headrace within Spark Structured Streaming: records and models in, results, dead letters and events out."""

from headrace.engines.spark.carriage import Kind
from headrace.engines.spark.serving import dead_letters, events, results, serve
from headrace.engines.spark.session import open_session
from headrace.engines.spark.udf import score_udf

__all__ = ["Kind", "dead_letters", "events", "open_session", "results", "score_udf", "serve"]
