"""Networks, support vectors, Gaussian naive Bayes and k-means, computed by the standard's formulas."""

from __future__ import annotations

from collections import Counter
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR

from headrace.export.sklearn_pmml import to_pmml
from tests.export.sklearn_pmml.scoring import TARGET, tell
from tests.export.wine import FEATURES, GOOD, QUALITY, X

Floats = npt.NDArray[np.float64]
SCALED: Floats = StandardScaler().fit_transform(X)[:400]
SEED = {"random_state": 0}
TARGETS = pytest.mark.parametrize("target", [QUALITY[:400], GOOD[:400]], ids=["many", "two"])


def write(estimator: Any, target: Any) -> ET.Element:
    content = to_pmml(estimator.fit(SCALED, target), target_name=TARGET, feature_names=FEATURES)
    root = ET.fromstring(content)
    for element in root.iter():
        element.tag = element.tag.partition("}")[2]
    return root


def attribute(element: ET.Element, name: str) -> float:
    return float(element.get(name) or "0")


def read_array(element: ET.Element) -> Floats:
    return np.array((element.findtext("Array") or "").split(), float)


ACTIVATIONS: dict[str, Any] = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "rectifier": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
}


def run_network(root: ET.Element) -> dict[str, Floats]:
    """Follow the neurons; give each output neuron's values by the class that it stands for."""
    (network,) = root.iter("NeuralNetwork")
    fields = dict(zip(FEATURES, SCALED.T, strict=True))
    values = {node.get("id"): fields[node.find(".//FieldRef").get("field")] for node in network.iter("NeuralInput")}  # type: ignore[union-attr, index]
    for layer in network.iter("NeuralLayer"):
        activate = ACTIVATIONS[layer.get("activationFunction") or network.get("activationFunction") or ""]
        outputs = {
            neuron.get("id"): activate(
                sum(attribute(link, "weight") * values[link.get("from")] for link in neuron.iter("Con"))
                + attribute(neuron, "bias")
            )
            for neuron in layer.iter("Neuron")
        }
        if layer.get("normalizationMethod") == "softmax":
            total = sum(np.exp(value) for value in outputs.values())
            outputs = {name: np.exp(value) / total for name, value in outputs.items()}
        values |= outputs
    return {
        (output.find("DerivedField")[0].get("value") or ""): values[output.get("outputNeuron")]  # type: ignore[index]
        for output in network.iter("NeuralOutput")
    }


@pytest.mark.parametrize("activation", ["identity", "logistic", "relu", "tanh"])
@TARGETS
def test_network_classifiers_agree(activation: str, target: Any) -> None:
    model = MLPClassifier((6, 4), activation=activation, solver="lbfgs", tol=1.0, **SEED)
    outputs = run_network(write(model, target))
    assert [str(label) for label in model.classes_] == list(outputs)
    np.testing.assert_allclose(np.array(list(outputs.values())).T, model.predict_proba(SCALED), rtol=1e-12)


def test_network_regressors_agree() -> None:
    model = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", tol=1.0, **SEED)
    (output,) = run_network(write(model, QUALITY[:400].astype(float))).values()
    np.testing.assert_allclose(output, model.predict(SCALED), rtol=1e-12)


def compute_kernel(root: ET.Element, vectors: Floats) -> Floats:
    (kernel,) = (element for element in root.iter() if element.tag.endswith("KernelType"))
    gamma, coef0 = attribute(kernel, "gamma"), attribute(kernel, "coef0")
    product = SCALED @ vectors.T
    if kernel.tag == "RadialBasisKernelType":
        return np.asarray(np.exp(-gamma * ((SCALED[:, np.newaxis] - vectors) ** 2).sum(axis=2)))
    if kernel.tag == "PolynomialKernelType":
        return np.asarray((gamma * product + coef0) ** attribute(kernel, "degree"))
    return np.asarray(np.tanh(gamma * product + coef0) if kernel.tag == "SigmoidKernelType" else product)


def run_machines(root: ET.Element) -> list[tuple[str | None, str | None, Floats]]:
    """Give each machine's two categories and its values."""
    vectors = {instance.get("id"): read_array(instance) for instance in root.iter("VectorInstance")}
    kernel = dict(zip(vectors, compute_kernel(root, np.array(list(vectors.values()))).T, strict=True))
    results = []
    for machine in root.iter("SupportVectorMachine"):
        names = [vector.get("vectorId") for vector in machine.iter("SupportVector")]
        weights = [attribute(coefficient, "value") for coefficient in machine.iter("Coefficient")]
        (coefficients,) = machine.iter("Coefficients")
        terms = sum(weight * kernel[name] for name, weight in zip(names, weights, strict=True))
        values = terms + attribute(coefficients, "absoluteValue")
        results.append((machine.get("targetCategory"), machine.get("alternateTargetCategory"), np.asarray(values)))
    return results


@pytest.mark.parametrize(
    "model",
    [
        SVC(),
        SVC(kernel="linear"),
        SVC(kernel="poly", coef0=1.0, degree=2),
        SVC(kernel="sigmoid", coef0=0.5),
        NuSVC(nu=0.01),
    ],
    ids=tell,
)
@TARGETS
def test_support_vector_classifiers_agree(model: Any, target: Any) -> None:
    machines = run_machines(write(model, target))
    votes = [
        Counter(below if values[row] < 0 else above for below, above, values in machines) for row in range(len(SCALED))
    ]
    labels = [str(label) for label in model.classes_]
    winners = [max(labels, key=lambda label: (count[label], -labels.index(label))) for count in votes]
    assert [str(label) for label in model.predict(SCALED)] == winners


@pytest.mark.parametrize("model", [SVR(), SVR(kernel="poly", degree=2), NuSVR()], ids=tell)
def test_support_vector_regressors_agree(model: Any) -> None:
    ((_, _, values),) = run_machines(write(model, QUALITY[:400].astype(float)))
    np.testing.assert_allclose(values, model.predict(SCALED), rtol=1e-12)


@TARGETS
def test_gaussian_naive_bayes_agrees(target: Any) -> None:
    model = GaussianNB()
    root = write(model, target)
    likelihoods = {
        count.get("value"): np.full(len(SCALED), attribute(count, "count")) for count in root.iter("TargetValueCount")
    }
    for part in root.iter("BayesInput"):
        values = SCALED[:, FEATURES.index(part.get("fieldName") or "")]
        for statistic in part.iter("TargetValueStat"):
            mean, variance = attribute(statistic[0], "mean"), attribute(statistic[0], "variance")
            density = np.exp(-((values - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
            likelihoods[statistic.get("value")] *= density
    table = np.array(list(likelihoods.values())).T
    assert [str(label) for label in model.classes_] == list(likelihoods)
    np.testing.assert_allclose(table / table.sum(axis=1, keepdims=True), model.predict_proba(SCALED), rtol=1e-11)


@pytest.mark.parametrize("model", [KMeans(6, n_init=1, **SEED), MiniBatchKMeans(4, n_init=1, **SEED)], ids=tell)
def test_k_means_agrees(model: Any) -> None:
    root = write(model, None)
    assert list(FEATURES) == [field.get("field") for field in root.iter("ClusteringField")]
    centres = {cluster.get("id"): read_array(cluster) for cluster in root.iter("Cluster")}
    distances = {name: ((SCALED - centre) ** 2).sum(axis=1) for name, centre in centres.items()}
    nearest = [min(distances, key=lambda name: float(distances[name][row])) for row in range(len(SCALED))]
    assert [str(label) for label in model.predict(SCALED)] == nearest
