"""A configuration to a query of Spark."""
