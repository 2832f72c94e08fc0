"""Layers of neurons: one matrix product a layer.

Rules:

- All units (inputs, then neurons in document order) share one matrix (rows, units); a layer reads the slice that its
  connections name, which is the layer before it unless a connection skips one, and writes its own slice.
- A connection comes from a unit before its layer. Two connections from one unit add up.
- A neuron's width and altitude go before its layer's, a layer's settings before the network's.

Standard: "Neural Network Models", PMML 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.formats.pmml.columns import Floats
from headrace.formats.pmml.neural.activations import ACTIVATIONS, NORMALIZATIONS, RADIAL, Values
from headrace.formats.pmml.xml import Element, Table, malformed

CHOICES = frozenset({*ACTIVATIONS, RADIAL})


@dataclass(frozen=True, slots=True, eq=False)
class RadialNeuron:
    """A neuron whose activation falls with the distance of its sources from its weights."""

    sources: np.ndarray[tuple[int], np.dtype[np.int64]]
    centre: Values
    width: float
    altitude: float

    def evaluate(self, units: Values) -> Values:
        """Return the activation of each row: exp(f * log(altitude) - Z), f connections, Z half the squared distance."""
        distance = units[:, self.sources] - self.centre
        z = np.einsum("ij,ij->i", distance, distance) / (2.0 * self.width * self.width)
        activation: Values = np.exp(len(self.sources) * np.log(self.altitude) - z)
        return activation


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One compiled layer: which units it reads, which it writes, and how."""

    reads: slice
    writes: slice
    weights: Values
    bias: Values
    activation: str
    threshold: float
    normalization: str
    radial: tuple[RadialNeuron, ...]

    def evaluate(self, units: Values) -> None:
        """Fill in the layer's units."""
        if self.activation == RADIAL:
            values = np.stack([neuron.evaluate(units) for neuron in self.radial], axis=1)
        else:
            z = units[:, self.reads] @ self.weights
            z += self.bias
            values = ACTIVATIONS[self.activation](z, self.threshold)
        units[:, self.writes] = NORMALIZATIONS[self.normalization](values)


def compile_layer(element: Element, network: Element, units: dict[str, int], dtype: type[np.floating]) -> Layer:
    """Compile a NeuralLayer as ``reading`` left it; its neurons are added to ``units``, every unit's place by id."""
    table = element.table or {}
    ids = [str(name) for name in table["ids"]]
    if not ids:
        raise malformed(element, "it holds no Neuron")
    places = _find_sources(element, [str(name) for name in table["sources"]], units)
    sources = places[_numbers(table, "codes")] if len(places) else np.empty(0, dtype=np.int64)
    writes = slice(len(units), len(units) + len(ids))
    _add_units(element, ids, units)
    starts = _numbers(table, "starts")
    connection_weights = np.asarray(table["weights"], dtype=np.float64)
    activation = _inherit(element, network, "activationFunction", CHOICES, "")
    reads = slice(int(sources.min()), int(sources.max()) + 1) if len(sources) else slice(0, 0)
    radial: tuple[RadialNeuron, ...] = ()
    weights = np.zeros((reads.stop - reads.start, len(ids)), dtype=np.float64)
    if activation == RADIAL:
        widths = _settings(element, network, "width", table)
        altitudes = _settings(element, network, "altitude", table)
        if not (np.all(widths > 0) and np.all(altitudes > 0)):
            raise malformed(element, "a radialBasis neuron needs a width and an altitude above 0")
        radial = tuple(
            RadialNeuron(sources[start:stop], connection_weights[start:stop].astype(dtype), float(width), float(height))
            for start, stop, width, height in zip(starts[:-1], starts[1:], widths, altitudes, strict=True)
        )
    else:
        neurons = np.repeat(np.arange(len(ids)), np.diff(starts))
        np.add.at(weights, (sources - reads.start, neurons), connection_weights)
    return Layer(
        reads=reads,
        writes=writes,
        weights=weights.astype(dtype),
        bias=np.asarray(table["bias"], dtype=dtype),
        activation=activation,
        threshold=element.number("threshold", network.number("threshold", 0.0)),
        normalization=_inherit(element, network, "normalizationMethod", frozenset(NORMALIZATIONS), "none"),
        radial=radial,
    )


def _find_sources(
    element: Element, names: list[str], units: dict[str, int]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    for name in names:
        if name not in units:
            raise malformed(element, f"a connection comes from {name!r}, which is no input or neuron before this layer")
    return np.array([units[name] for name in names], dtype=np.int64)


def _add_units(element: Element, ids: list[str], units: dict[str, int]) -> None:
    for name in ids:
        if name in units:
            raise malformed(element, f"the id {name!r} is given twice")
        units[name] = len(units)


def _inherit(element: Element, network: Element, name: str, choices: frozenset[str], default: str) -> str:
    """Return a layer's own setting, else the network's, else the default."""
    owner = element if name in element.attributes else network
    if not default:
        owner.require(name)
    return owner.choice(name, choices, default)


def _settings(element: Element, network: Element, name: str, table: Table) -> Floats:
    shared = element.number(name, network.number(name, 1.0 if name == "altitude" else np.nan))
    own = np.asarray(table[name], dtype=np.float64)
    return np.where(np.isnan(own), shared, own)


def _numbers(table: Table, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.asarray(table[name], dtype=np.int64)
