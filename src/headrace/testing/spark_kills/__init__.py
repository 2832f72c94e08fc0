"""A Spark query on a local cluster whose driver and executors are killed.

python -m headrace.testing.spark_kills --kills 10
"""
