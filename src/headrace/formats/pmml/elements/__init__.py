"""Model elements, one a file; ``pmml.registry`` finds them by name."""
