"""Headrace: machine-learning models served inside data streams."""

from importlib.metadata import version

__version__ = version("headrace")

__all__ = ["__version__"]
