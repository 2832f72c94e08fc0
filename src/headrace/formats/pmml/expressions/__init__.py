"""Expressions of transformations: one family a file, found by the element's name."""
