"""The models that are measured: made by scikit-learn, written as PMML and ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from headrace.export.sklearn_pmml import to_pmml

NAMES = [f"feature_{number}" for number in range(11)]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One model and what its goals are, as multiples of JPMML's rate: in batches of 4,096, and one by one."""

    name: str
    estimator: Any
    pmml: bytes
    onnx: bytes
    batch_goal: float
    one_goal: float = 0.95


def make_cases(rows: Floats, quick: bool) -> list[Case]:
    """Train and write the models."""
    noise = np.random.default_rng(2).normal(0, 0.4, len(rows))
    labels = np.digitize(rows[:, 0] + rows[:, 1] * rows[:, 2] + noise, [-1.5, -0.5, 0.0, 0.5, 1.5])
    estimators: list[tuple[str, Any, float]] = [
        ("forest of 10", RandomForestClassifier(10, max_depth=5, random_state=1), 30),
        ("forest of 100", RandomForestClassifier(5 if quick else 100, random_state=1), 15),
        ("boosting", GradientBoostingClassifier(n_estimators=5 if quick else 50, random_state=1), 5),
        ("logistic regression", make_pipeline(StandardScaler(), MinMaxScaler(), LogisticRegression(max_iter=500)), 5),
        ("network", make_pipeline(StandardScaler(), MLPClassifier((20, 10), max_iter=80, random_state=1)), 5),
    ]
    cases = []
    for name, estimator, goal in estimators:
        estimator.fit(rows, labels)
        pmml = to_pmml(estimator, target_name="label", feature_names=NAMES)
        onnx = to_onnx(estimator, rows[:1].astype(np.float32), options={"zipmap": False}).SerializeToString()
        cases.append(Case(name, estimator, pmml, onnx, goal))
    return cases


def make_rows(count: int, seed: int = 1) -> Floats:
    """Draw records."""
    return np.random.default_rng(seed).normal(0.0, 1.0, (count, len(NAMES))).round(4)
