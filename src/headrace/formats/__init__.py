"""Model formats: bytes to a model. Each is found through the catalog and knows none of the others."""
