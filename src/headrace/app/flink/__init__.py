"""A configuration to a job of Flink."""
