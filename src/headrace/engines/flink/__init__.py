"""Headrace within Apache Flink: streams of records and models in, results, dead letters and events out.

The names are imported when they are first used: a worker of Flink unpickles steps in several threads at once, and where
one imported this package with all that is in it, and another a module of it, they would wait for each other.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from headrace.engines.flink.printing import place_print

if TYPE_CHECKING:
    from headrace.engines.flink.serving import Served, serve_keyed, serve_partitioned
    from headrace.machinery.elements import Form, ModelElement, RecordElement, ScoredRecord

__all__ = [
    "Form",
    "ModelElement",
    "RecordElement",
    "ScoredRecord",
    "Served",
    "serve_keyed",
    "serve_partitioned",
]

place_print()

_SERVING = ("Served", "serve_keyed", "serve_partitioned")


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    home = "headrace.engines.flink.serving" if name in _SERVING else "headrace.machinery.elements"
    return getattr(import_module(home), name)
