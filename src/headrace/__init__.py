"""Headrace: machine-learning models served inside data streams.

``load`` gives a model to score with; ``serve`` follows a stream of models in your own loop; ``compose`` puts models
together. Engines run by configuration: ``headrace run``.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.app.library import load, serve
    from headrace.composition import compose
    from headrace.engines.embedded.serving import Result, Serving

__version__ = version("headrace")

__all__ = ["Result", "Serving", "__version__", "compose", "load", "serve"]

_HOMES = {
    "Result": "headrace.engines.embedded.serving",
    "Serving": "headrace.engines.embedded.serving",
    "compose": "headrace.composition",
    "load": "headrace.app.library",
    "serve": "headrace.app.library",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that ``import headrace`` costs nothing."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    message = f"module 'headrace' has no attribute {name!r}"
    raise AttributeError(message)
