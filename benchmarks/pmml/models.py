"""The models that are measured: made by scikit-learn, written as PMML and ONNX."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from headrace.export.sklearn_pmml import to_pmml

NAMES = [f"feature_{number}" for number in range(11)]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One model and its goal in batches of 4,096, as a multiple of JPMML's rate; 0 where none is set."""

    name: str
    estimator: Any
    pmml: bytes
    onnx: bytes
    batch_goal: float

    def predict(self, rows: Floats) -> object:
        """Score in scikit-learn."""
        predict = getattr(self.estimator, "predict_proba", self.estimator.predict)
        return predict(rows)


def make_cases(rows: Floats, quick: bool) -> list[Case]:
    """Train and write the models."""
    noise = np.random.default_rng(2).normal(0, 0.4, len(rows))
    labels = np.digitize(rows[:, 0] + rows[:, 1] * rows[:, 2] + noise, [-1.5, -0.5, 0.0, 0.5, 1.5])
    scalers = (StandardScaler(), MinMaxScaler())
    network = MLPClassifier((20, 10), max_iter=20 if quick else 80, random_state=1)
    estimators: list[tuple[str, Any, float]] = [
        ("forest of 10", RandomForestClassifier(10, max_depth=5, random_state=1), 30),
        ("forest of 100", RandomForestClassifier(5 if quick else 100, random_state=1), 15),
        ("boosting", GradientBoostingClassifier(n_estimators=5 if quick else 50, random_state=1), 0),
        ("logistic regression", make_pipeline(*scalers, LogisticRegression(max_iter=500)), 5),
        ("network", make_pipeline(StandardScaler(), network), 5),
        ("regression", LinearRegression(), 5),
        ("tree", DecisionTreeClassifier(max_depth=6, random_state=1), 0),
    ]
    cases = []
    for name, estimator, goal in estimators:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # how good a network is makes no difference here
            estimator.fit(rows, labels.astype(float) if name == "regression" else labels)
        pmml = to_pmml(estimator, target_name="label", feature_names=NAMES)
        options = None if name == "regression" else {"zipmap": False}
        onnx = to_onnx(estimator, rows[:1].astype(np.float32), options=options).SerializeToString()
        cases.append(Case(name, estimator, pmml, onnx, goal))
    return cases


def make_rows(count: int, seed: int = 1) -> Floats:
    """Draw records."""
    return np.random.default_rng(seed).normal(0.0, 1.0, (count, len(NAMES))).round(4)
