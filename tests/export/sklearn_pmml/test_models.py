"""Every family of predictors scores the red wines as scikit-learn does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from tests.export.sklearn_pmml.scoring import assert_close, predict, tell, write_and_score
from tests.export.wine import FEATURES, GOOD, QUALITY, X

NUMBERS = QUALITY.astype(float)
WORDS = np.array(["poor", "fair", "fine"])[np.digitize(QUALITY, [5.5, 6.5])]
EXACT = 0.0
CLOSE = 1e-12
SEED = {"random_state": 0}


def check(estimator: Any, target: Any, tolerance: float, *, probabilities: bool = True) -> None:
    estimator.fit(X, target)
    expected = predict(estimator, X, probabilities=probabilities)
    assert_close(expected, write_and_score(estimator, X, FEATURES), tolerance)


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeClassifier(**SEED),
        DecisionTreeClassifier(max_depth=6, class_weight="balanced", **SEED),
        ExtraTreeClassifier(**SEED),
        ExtraTreesClassifier(7, max_depth=12, **SEED),
        RandomForestClassifier(10, max_depth=5, **SEED),
        RandomForestClassifier(5, class_weight="balanced", **SEED),
        make_pipeline(StandardScaler(), RandomForestClassifier(10, **SEED)),
    ],
    ids=tell,
)
def test_classification_trees_agree_to_the_last_digit(estimator: Any) -> None:
    check(estimator, QUALITY, EXACT)


@pytest.mark.parametrize("target", [GOOD == 1, WORDS, NUMBERS], ids=["bool", "text", "float"])
def test_classes_keep_their_type(target: Any) -> None:
    check(RandomForestClassifier(5, max_depth=6, **SEED), target, EXACT)


@pytest.mark.parametrize(
    "estimator",
    [
        DecisionTreeRegressor(**SEED),
        ExtraTreeRegressor(max_depth=9, **SEED),
        ExtraTreesRegressor(5, max_depth=9, **SEED),
        RandomForestRegressor(10, max_depth=9, **SEED),
        GradientBoostingRegressor(n_estimators=20, **SEED),
        GradientBoostingRegressor(n_estimators=20, init="zero", loss="huber", **SEED),
        HistGradientBoostingRegressor(max_iter=20, **SEED),
        AdaBoostRegressor(n_estimators=12, **SEED),
        make_pipeline(StandardScaler(), RandomForestRegressor(5, max_depth=9, **SEED)),
        make_pipeline(StandardScaler(), HistGradientBoostingRegressor(max_iter=10, **SEED)),
        DummyRegressor(),
    ],
    ids=tell,
)
def test_regression_trees_agree_to_the_last_digit(estimator: Any) -> None:
    check(estimator, NUMBERS, EXACT)


@pytest.mark.parametrize(
    "estimator",
    [
        GradientBoostingClassifier(n_estimators=6, **SEED),
        HistGradientBoostingClassifier(max_iter=6, **SEED),
        AdaBoostClassifier(n_estimators=8, **SEED),
        AdaBoostClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=5, **SEED),
        DummyClassifier(),
        DummyClassifier(strategy="most_frequent"),
    ],
    ids=tell,
)
@pytest.mark.parametrize("target", [QUALITY, GOOD], ids=["many", "two"])
def test_boosted_classifiers_agree(estimator: Any, target: Any) -> None:
    check(estimator, target, CLOSE)


def test_the_exponential_loss_has_a_link_of_its_own() -> None:
    check(GradientBoostingClassifier(n_estimators=6, loss="exponential", **SEED), GOOD, CLOSE)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_boosting_undoes_a_logarithmic_link(loss: str) -> None:
    check(HistGradientBoostingRegressor(max_iter=6, loss=loss, **SEED), NUMBERS, CLOSE)


@pytest.mark.parametrize(
    "estimator",
    [
        ElasticNet(0.01),
        GammaRegressor(),
        Lasso(0.01),
        LinearRegression(),
        LinearSVR(tol=0.01, **SEED),
        PoissonRegressor(),
        Ridge(),
        SGDRegressor(**SEED),
        TweedieRegressor(power=0),
        TweedieRegressor(power=1.5),
    ],
    ids=tell,
)
def test_linear_regressors_agree(estimator: Any) -> None:
    check(make_pipeline(StandardScaler(), estimator), NUMBERS, CLOSE)


@pytest.mark.parametrize(
    "estimator",
    [
        LinearSVC(**SEED),
        LogisticRegression(),
        Perceptron(),
        RidgeClassifier(),
        SGDClassifier(**SEED),
        SGDClassifier(loss="log_loss", **SEED),
    ],
    ids=tell,
)
@pytest.mark.parametrize("target", [QUALITY, GOOD, WORDS], ids=["many", "two", "text"])
def test_linear_classifiers_agree(estimator: Any, target: Any) -> None:
    check(make_pipeline(StandardScaler(), estimator), target, CLOSE)


def test_a_link_that_pmml_lacks_leaves_the_class() -> None:
    model = make_pipeline(StandardScaler(), SGDClassifier(loss="modified_huber", **SEED))
    check(model, QUALITY, EXACT, probabilities=False)


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), BernoulliNB()),
        make_pipeline(KBinsDiscretizer(2, encode="onehot", quantile_method="linear"), BernoulliNB(binarize=None)),
        make_pipeline(KBinsDiscretizer(4, encode="ordinal", quantile_method="linear"), CategoricalNB()),
        ComplementNB(),
        MultinomialNB(),
    ],
    ids=tell,
)
def test_log_linear_naive_bayes_agrees(estimator: Any) -> None:
    check(estimator, QUALITY, CLOSE)


@pytest.mark.parametrize("scaled", [False, True])
def test_values_beside_a_threshold_decide_the_same(scaled: bool) -> None:
    tree = DecisionTreeRegressor(max_depth=8, **SEED)
    model = make_pipeline(StandardScaler(), tree) if scaled else tree
    model.fit(X, NUMBERS)
    split = tree.tree_.feature >= 0
    values = np.zeros((split.sum() * 9, X.shape[1])) + X.mean(axis=0)
    features, thresholds = tree.tree_.feature[split].repeat(9), tree.tree_.threshold[split].repeat(9)
    singles = np.spacing(thresholds.astype(np.float32)).astype(float)
    steps = np.tile([-1.0, -0.5 - 1e-9, -0.5, -0.5 + 1e-9, 0.0, 0.5 - 1e-9, 0.5, 0.5 + 1e-9, 1.0], split.sum())
    beside = thresholds + steps * singles
    if scaled:
        beside = beside * model[0].scale_[features] + model[0].mean_[features]
    values[np.arange(len(values)), features] = beside
    assert_close(predict(model, values), write_and_score(model, values, FEATURES), EXACT)
