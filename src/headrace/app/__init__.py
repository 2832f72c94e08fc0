"""Configuration to objects: the one place where parts are put together."""
