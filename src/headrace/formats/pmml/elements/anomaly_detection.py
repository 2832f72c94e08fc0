"""AnomalyDetectionModel. Standard: "Anomaly Detection Models", PMML 4.4.

The model inside gives a number, and the algorithm makes the anomaly score of it:

- iforest: 2 to the power of minus the mean path length over c(n), the mean path length of an unsuccessful search
  among the n = sampleDataSize records that a tree was built on: c(n) = 2 (ln(n - 1) + Euler's constant) - 2 (n - 1) / n
- clusterMeanDist: the distance to the record's cluster over the mean distance of that cluster's records
- ocsvm, other: the number itself

Before PMML 4.4, R's pmml package wrote the sample size as a Parameter ``training_data_count``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from headrace.formats.pmml.columns import Floats, Numbers, Texts
from headrace.formats.pmml.datatypes import DOUBLE
from headrace.formats.pmml.frame import ModelFrame, compile_model
from headrace.formats.pmml.info import ModelInfo
from headrace.formats.pmml.reducers import array_numbers
from headrace.formats.pmml.registry import STANDARD
from headrace.formats.pmml.result import Evaluator, Result
from headrace.formats.pmml.scope import Context, Scope
from headrace.formats.pmml.xml import Element, malformed

ALGORITHMS = frozenset({"iforest", "ocsvm", "clusterMeanDist", "other"})
Rate = Callable[[Result], Floats]


class AnomalyEvaluator:
    """Rates the result of the model inside."""

    def __init__(self, frame: ModelFrame, rate: Rate) -> None:
        self._frame = frame
        self._rate = rate
        self.final_outputs = frame.final_outputs()

    def evaluate(self, context: Context) -> Result:
        """Score all rows."""
        result = self._frame.evaluate(context)
        return replace(result, value=Numbers(self._rate(result)), labels=(), probabilities=None)


def compile_element(element: Element, scope: Scope, info: ModelInfo) -> Evaluator:
    """Compile an AnomalyDetectionModel."""
    del info
    models = [child for child in element.children if child.tag in STANDARD]
    if len(models) != 1:
        raise malformed(element, f"it holds {len(models)} models; it must hold one")
    algorithm = element.choice("algorithmType", ALGORITHMS, "")
    frame = compile_model(models[0], scope)
    for output in frame.outputs:
        scope.add(output.field)
    if algorithm == "iforest":
        return AnomalyEvaluator(frame, _make_isolation(element))
    if algorithm == "clusterMeanDist":
        return AnomalyEvaluator(frame, _make_cluster_ratio(element, models[0]))
    return AnomalyEvaluator(frame, _read_value)


def _read_value(result: Result) -> Floats:
    value = result.value.measure(_read_number) if isinstance(result.value, Texts) else result.value
    return value.values.astype(np.float64, copy=False)


def _read_number(text: str) -> float:
    try:
        return DOUBLE.parse(text)
    except ValueError:
        return math.nan


def _make_isolation(element: Element) -> Rate:
    length = mean_path_length(_read_sample_size(element))
    return lambda result: np.asarray(np.exp2(-_read_value(result) / length))


def mean_path_length(count: float) -> float:
    """Return c(n), for n of at least 2."""
    if count == 2:
        return 1.0
    return 2.0 * (math.log(count - 1.0) + float(np.euler_gamma)) - 2.0 * (count - 1.0) / count


def _read_sample_size(element: Element) -> float:
    size = element.number("sampleDataSize", math.nan)
    parameters = element.find("ParameterList")
    for parameter in [] if parameters is None else parameters.find_all("Parameter"):
        if parameter.get("name") == "training_data_count" and math.isnan(size):
            size = parameter.number("value")
    if math.isnan(size):
        raise malformed(element, "an isolation forest needs sampleDataSize")
    if size < 2:
        raise malformed(element, f"sampleDataSize={size:g}: trees are built on at least 2 records")
    return size


def _make_cluster_ratio(element: Element, model: Element) -> Rate:
    means = array_numbers(element.child("MeanClusterDistances").child("Array"))
    count = len(model.find_all("Cluster"))
    if model.tag != "ClusteringModel" or len(means) != count:
        raise malformed(element, f"{len(means)} mean distances for the {count} clusters of a {model.tag}")

    def rate(result: Result) -> Floats:
        assert result.affinities is not None
        assert result.entity is not None
        codes = result.entity.codes
        distances = result.affinities[np.arange(result.size), codes]
        return np.where(codes < 0, np.nan, distances / means[codes])

    return rate
