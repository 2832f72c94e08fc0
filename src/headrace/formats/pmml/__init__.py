"""PMML, evaluated natively: parsed to arrays, compiled once, scored in batches. README.md is the map."""

from headrace.formats.pmml.format import PmmlFormat

__all__ = ["PmmlFormat"]
