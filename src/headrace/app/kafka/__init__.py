"""A configuration whose engine is ``kafka``."""
