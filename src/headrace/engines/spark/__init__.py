"""Headrace within Spark Structured Streaming: records and models in, results, dead letters and events out."""
