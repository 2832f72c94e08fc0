"""A configuration to a pipeline of Beam."""
