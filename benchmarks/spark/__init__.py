"""Spark: the delay of micro-batches, and rates beside the same pipeline that only counts."""
