"""Networks, support vectors, naive Bayes and k-means: loaded as anybody loads them, in batches and record by record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR

import headrace
from headrace.export.sklearn_pmml import to_pmml
from tests.export.sklearn_pmml.scoring import TARGET, assert_close, predict, tell
from tests.export.wine import FEATURES, GOOD, QUALITY, X

pytestmark = pytest.mark.slow

ROWS, SHOWN = X[:400], 25
WORDS = np.array(["poor", "fair", "fine"])[np.digitize(QUALITY, [5.5, 6.5])]
NUMBERS = QUALITY.astype(float)
SEED = {"random_state": 0}
CLASSES = pytest.mark.parametrize("target", [QUALITY, GOOD, WORDS, GOOD == 1], ids=["many", "two", "text", "bool"])


def check(estimator: Any, target: Any, tolerance: float) -> None:
    estimator.fit(ROWS, None if target is None else target[:400])
    model = headrace.load(to_pmml(estimator, target_name=TARGET, feature_names=FEATURES, examples=ROWS))
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in ROWS.T.copy()], names=list(FEATURES))
    scores = model.score(batch)
    assert {} == scores.errors
    outputs = scores.outputs.to_pydict()
    expected = predict(estimator, ROWS)
    assert_close(expected, {name: outputs[name] for name in expected}, tolerance)
    singles = [model.score_one(record) for record in batch[:SHOWN].to_pylist()]
    assert_close(
        {name: values[:SHOWN] for name, values in expected.items()},
        {name: [each[name] for each in singles] for name in expected},
        tolerance,
    )


@pytest.mark.parametrize("activation", ["identity", "logistic", "relu", "tanh"])
@CLASSES
def test_network_classifiers(activation: str, target: Any) -> None:
    network = MLPClassifier((6, 4), activation=activation, solver="lbfgs", tol=0.1, **SEED)
    check(make_pipeline(StandardScaler(), network), target, 1e-11)


@pytest.mark.parametrize("activation", ["identity", "logistic", "relu", "tanh"])
def test_network_regressors(activation: str) -> None:
    network = MLPRegressor(hidden_layer_sizes=(5,), activation=activation, solver="lbfgs", tol=0.1, **SEED)
    check(make_pipeline(MinMaxScaler(), network), NUMBERS, 1e-11)


@pytest.mark.parametrize(
    "machine",
    [
        SVC(),
        SVC(kernel="linear"),
        SVC(kernel="poly", coef0=1.0, degree=2),
        SVC(kernel="sigmoid", coef0=0.5),
        NuSVC(nu=0.01),
        LinearSVC(**SEED),
    ],
    ids=tell,
)
@CLASSES
def test_support_vector_classifiers(machine: Any, target: Any) -> None:
    check(make_pipeline(StandardScaler(), machine), target, 0)


@pytest.mark.parametrize(
    "machine",
    [
        SVR(),
        SVR(kernel="poly", degree=2),
        SVR(kernel="linear"),
        SVR(kernel="sigmoid"),
        NuSVR(),
        LinearSVR(tol=0.01, **SEED),
    ],
    ids=tell,
)
def test_support_vector_regressors(machine: Any) -> None:
    check(make_pipeline(StandardScaler(), machine), NUMBERS, 1e-11)


@CLASSES
def test_gaussian_naive_bayes(target: Any) -> None:
    check(make_pipeline(StandardScaler(), GaussianNB()), target, 1e-11)


@pytest.mark.parametrize("clusters", [KMeans(6, n_init=1, **SEED), MiniBatchKMeans(4, n_init=1, **SEED)], ids=tell)
def test_k_means(clusters: Any) -> None:
    check(make_pipeline(StandardScaler(), clusters), None, 0)
