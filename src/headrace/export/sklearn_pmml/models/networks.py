"""Multi-layer perceptrons: ``NeuralNetwork``."""

from __future__ import annotations

from typing import Any

from headrace.export.sklearn_pmml.expressions import reference
from headrace.export.sklearn_pmml.markup import Element
from headrace.export.sklearn_pmml.scope import Column, Part, Scope, unsupported

_ACTIVATIONS = {"identity": "identity", "logistic": "logistic", "relu": "rectifier", "tanh": "tanh"}


def _export_classifier(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    if estimator.out_activation_ == "logistic" and estimator.n_outputs_ > 1:
        raise unsupported(estimator, "it gives several labels at once; train one model a label")
    classes = tuple(estimator.classes_)
    layers = _layers(estimator)
    if estimator.out_activation_ == "logistic":
        # The first class has what is left of 1, subtracted as scikit-learn does.
        last = layers[-1]
        source = last.children[0].attributes["id"]
        rest, given = ("rest", 1.0, -1.0), ("given", 0.0, 1.0)
        neurons = [
            Element("Neuron", {"id": name, "bias": bias}, Element("Con", {"from": source, "weight": weight}))
            for name, bias, weight in (rest, given)
        ]
        layers.append(Element("NeuralLayer", {"activationFunction": "identity"}, *neurons))
    names = [neuron.attributes["id"] for neuron in layers[-1].children]
    outputs = [
        _output(name, Element("NormDiscrete", {"field": scope.target_name, "value": label}))
        for name, label in zip(names, classes, strict=True)
    ]
    fields, content = _content(columns, scope, layers, outputs)
    attributes = {"activationFunction": _ACTIVATIONS[estimator.activation]}
    return Part("NeuralNetwork", "classification", fields, content, attributes, classes=classes, probabilities=True)


def _export_regressor(estimator: Any, columns: list[Column], scope: Scope) -> Part:
    if estimator.n_outputs_ > 1:
        raise unsupported(estimator, "it has several targets; train one model a target")
    layers = _layers(estimator)
    name = layers[-1].children[0].attributes["id"]
    fields, content = _content(columns, scope, layers, [_output(name, reference(scope.target_name))])
    attributes = {"activationFunction": _ACTIVATIONS[estimator.activation]}
    return Part("NeuralNetwork", "regression", fields, content, attributes)


def _layers(estimator: Any) -> list[Element]:
    layers = []
    previous = [f"0,{index}" for index in range(len(estimator.coefs_[0]))]
    for depth, (weights, biases) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True), 1):
        names = [f"{depth},{index}" for index in range(len(biases))]
        neurons = [
            Element("Neuron", {"id": name, "bias": float(bias)}).extend(
                Element("Con", {"from": source, "weight": float(weight)})
                for source, weight in zip(previous, column, strict=True)
            )
            for name, bias, column in zip(names, biases, weights.T, strict=True)
        ]
        layers.append(Element("NeuralLayer", None, *neurons))
        previous = names
    last = {"softmax": ("identity", "softmax"), "logistic": ("logistic", None), "identity": ("identity", None)}
    activation, normalisation = last[estimator.out_activation_]
    layers[-1].attributes["activationFunction"] = activation
    if normalisation:
        layers[-1].attributes["normalizationMethod"] = normalisation
    return layers


def _output(neuron: str, expression: Element) -> Element:
    field = Element("DerivedField", {"optype": "continuous", "dataType": "double"}, expression)
    return Element("NeuralOutput", {"outputNeuron": neuron}, field)


def _content(
    columns: list[Column], scope: Scope, layers: list[Element], outputs: list[Element]
) -> tuple[tuple[str, ...], tuple[Element, ...]]:
    scope.forbid_missing(columns)
    fields = scope.numbers(columns)
    inputs = [
        Element(
            "NeuralInput",
            {"id": f"0,{index}"},
            Element("DerivedField", {"optype": "continuous", "dataType": "double"}, reference(field)),
        )
        for index, field in enumerate(fields)
    ]
    return fields, (
        Element("NeuralInputs", {"numberOfInputs": len(inputs)}, *inputs),
        *layers,
        Element("NeuralOutputs", {"numberOfOutputs": len(outputs)}, *outputs),
    )


EXPORTERS = {
    "MLPClassifier": _export_classifier,
    "MLPRegressor": _export_regressor,
}
