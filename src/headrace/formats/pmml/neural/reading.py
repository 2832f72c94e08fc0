"""Layers as they are read: their neurons and connections, by the million, go straight into arrays.

The table of a NeuralLayer: its neurons' ``ids``, ``bias``, ``width`` and ``altitude`` (NaN where absent); its
connections neuron after neuron as ``codes`` into ``sources`` and ``weights``, each neuron's from its entry of
``starts`` on.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable

import numpy as np

from headrace.formats.pmml.xml import Collector, Element, malformed

Attributes = dict[str, str]


class LayerCollector(Collector):
    """Collects the neurons of one NeuralLayer."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._ids: list[str] = []
        self._settings: dict[str, array[float]] = {name: array("d") for name in ("bias", "width", "altitude")}
        self._sources: dict[str, int] = {}
        self._codes = array("i")
        self._weights = array("d")
        self._starts = array("q", [0])

    def connect(self, find_line: Callable[[], int]) -> tuple[Callable[[str, Attributes], bool], Callable[[str], None]]:
        """Return the handlers of an element's start and end; see ``Collector``."""
        ids, sources, codes, weights, starts = self._ids, self._sources, self._codes, self._weights, self._starts
        number = sources.setdefault

        def start(tag: str, attributes: Attributes) -> bool:
            if tag in ("Con", "Neuron") and (len(ids) == len(starts)) != (tag == "Con"):
                raise malformed(Element(tag, attributes, find_line()), "a layer holds neurons, and those connections")
            if tag == "Con":
                try:
                    codes.append(number(attributes["from"], len(sources)))
                    weights.append(float(attributes["weight"]))
                except (KeyError, ValueError):
                    raise _explain(Element(tag, attributes, find_line())) from None
                return True
            if tag == "Neuron":
                self._open(Element(tag, attributes, find_line()))
                return True
            return False

        def end(tag: str) -> None:
            if tag == "Neuron":
                starts.append(len(codes))

        return start, end

    def _open(self, neuron: Element) -> None:
        self._ids.append(neuron.require("id"))
        for name, values in self._settings.items():
            values.append(neuron.number(name, 0.0 if name == "bias" else math.nan))

    def keep(self, element: Element) -> None:
        """Take an element that ``start`` did not: extensions, which are of no interest."""

    def finish(self) -> None:
        """Put the arrays into the layer's table."""
        self._root.table = {
            "ids": self._ids,
            "sources": list(self._sources),
            "codes": np.array(self._codes, dtype=np.int32),
            "weights": np.array(self._weights, dtype=np.float64),
            "starts": np.array(self._starts, dtype=np.int64),
            **{name: np.array(values, dtype=np.float64) for name, values in self._settings.items()},
        }


def _explain(connection: Element) -> Exception:
    """Return the error of a connection that cannot be read."""
    connection.require("from")
    connection.number("weight")
    return malformed(connection, "it cannot be read")
