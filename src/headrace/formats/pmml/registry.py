"""The table of model elements: name to module.

An element's module has:

- ``compile_element(element, scope, info) -> Evaluator``
- ``REDUCERS`` (optional): element name to the function that turns its content into arrays as it is read
- ``COLLECTORS`` (optional): element name to the class that takes its content straight from the parser
- ``FEATURES`` (optional): the result features that only this element's results know

A new element is a new module and a line below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType

from headrace.formats.pmml.reducers import FRAME_REDUCERS
from headrace.formats.pmml.xml import Collector, Element, Reducer, unsupported

ELEMENTS: dict[str, str] = {
    "AnomalyDetectionModel": "anomaly_detection",
    "AssociationModel": "association",
    "BaselineModel": "baseline",
    "BayesianNetworkModel": "bayesian_network",
    "ClusteringModel": "clustering",
    "GaussianProcessModel": "gaussian_process",
    "GeneralRegressionModel": "general_regression",
    "MiningModel": "mining",
    "NaiveBayesModel": "naive_bayes",
    "NearestNeighborModel": "nearest_neighbor",
    "NeuralNetwork": "neural_network",
    "RegressionModel": "regression",
    "RuleSetModel": "rule_set",
    "Scorecard": "scorecard",
    "SupportVectorMachineModel": "support_vector_machine",
    "TimeSeriesModel": "time_series",
    "TreeModel": "tree",
}
STANDARD = frozenset(
    {
        "AnomalyDetectionModel",
        "AssociationModel",
        "BaselineModel",
        "BayesianNetworkModel",
        "ClusteringModel",
        "GaussianProcessModel",
        "GeneralRegressionModel",
        "MiningModel",
        "NaiveBayesModel",
        "NearestNeighborModel",
        "NeuralNetwork",
        "RegressionModel",
        "RuleSetModel",
        "Scorecard",
        "SequenceModel",
        "SupportVectorMachineModel",
        "TextModel",
        "TimeSeriesModel",
        "TreeModel",
    }
)
"""Every model element of PMML 3.0 to 4.4."""


WITHOUT_EVALUATION = {
    "SequenceModel": "the standard describes the sequences found, and not how they score a record",
    "TextModel": "the standard says how terms weigh, and neither how a record becomes terms nor what is predicted",
}
"""The model elements that the standard gives no way to evaluate, and what it leaves open."""


def find_element(element: Element) -> ModuleType:
    """Import the module of a model element. Raises ``UnsupportedError`` listing what exists."""
    name = ELEMENTS.get(element.tag)
    if element.tag in WITHOUT_EVALUATION:
        raise unsupported(element, f"{WITHOUT_EVALUATION[element.tag]}; so it cannot be evaluated")
    if name is None:
        raise unsupported(element, f"this model element is not supported; supported: {', '.join(sorted(ELEMENTS))}")
    return _import(name)


def find_reducers(tag: str) -> Mapping[str, Reducer] | None:
    """Return the reducers that hold from the start of an element on."""
    if tag == "PMML":
        return FRAME_REDUCERS
    name = ELEMENTS.get(tag)
    return None if name is None else getattr(_import(name), "REDUCERS", None)


def find_collectors(tag: str) -> Mapping[str, Callable[[Element], Collector]] | None:
    """Return the collectors that hold from the start of an element on."""
    name = ELEMENTS.get(tag)
    return None if name is None else getattr(_import(name), "COLLECTORS", None)


def _import(name: str) -> ModuleType:
    return import_module(f"headrace.formats.pmml.elements.{name}")
