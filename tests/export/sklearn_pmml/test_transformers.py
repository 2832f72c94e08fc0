"""Every transformer passes on to its model what scikit-learn's does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from headrace.errors import UnsupportedError
from headrace.export.sklearn_pmml import to_pmml
from tests.export.sklearn_pmml.scoring import TARGET, assert_close, predict, score, tell, write_and_score
from tests.export.wine import FEATURES, GOOD, QUALITY, X

NUMBERS = QUALITY.astype(float)
# Every split of a tree this deep is a decision that the transformer's last digit could turn.
TREE = DecisionTreeRegressor(random_state=0)


def holes(share: float) -> Any:
    """The wines with some values missing."""
    rows = X.copy()
    rows[np.random.default_rng(0).random(X.shape) < share] = np.nan
    return rows


COLOURS = np.array(["red", "white", "rosé", '<orange> & "grey"'], dtype=object)
# Two numbers, a text, a small number that is a category.
MIXED = np.column_stack(
    [X[:, 0].astype(object), COLOURS[QUALITY % 4], X[:, 10].astype(object), (QUALITY // 2).astype(object)]
)
MIXED_NAMES = ("acidity", "colour", "alcohol", "grade")


@pytest.mark.parametrize(
    "transformer",
    [
        Binarizer(threshold=3.3),
        FunctionTransformer(),
        FunctionTransformer(np.square),
        FunctionTransformer(np.sqrt),
        KBinsDiscretizer(5, encode="onehot", quantile_method="linear"),
        KBinsDiscretizer(7, encode="ordinal", quantile_method="linear"),
        MaxAbsScaler(),
        MinMaxScaler((0.1, 0.7)),
        MinMaxScaler(clip=True),
        PolynomialFeatures(3, include_bias=False),
        PolynomialFeatures(2, interaction_only=True),
        RobustScaler(),
        RobustScaler(with_centering=False),
        SelectKBest(k=3),
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        StandardScaler(with_mean=False, with_std=False),
        VarianceThreshold(0.1),
    ],
    ids=tell,
)
def test_a_column_keeps_its_last_digit(transformer: Any) -> None:
    rows = X[:, :5]
    model = make_pipeline(transformer, TREE).fit(rows, NUMBERS)
    assert_close(predict(model, rows), write_and_score(model, rows, FEATURES[:5]), 0.0)


@pytest.mark.parametrize(
    "function",
    [np.absolute, np.ceil, np.exp, np.expm1, np.floor, np.log, np.log10, np.log1p, np.negative, np.reciprocal, np.rint],
    ids=lambda function: function.__name__,
)
def test_functions_agree(function: Any) -> None:
    rows = X[:, 6:] / 100
    model = make_pipeline(FunctionTransformer(function), Ridge()).fit(rows, NUMBERS)
    assert_close(predict(model, rows), write_and_score(model, rows, FEATURES[6:]), 1e-12)


@pytest.mark.parametrize(
    "transformer",
    [
        PCA(4),
        PCA(3, whiten=True),
        TruncatedSVD(3, random_state=0),
        FeatureUnion([("scaled", StandardScaler()), ("kept", "passthrough")], transformer_weights={"scaled": 0.5}),
        make_pipeline(StandardScaler(), "passthrough", PCA(2)),
    ],
    ids=tell,
)
def test_compositions_agree(transformer: Any) -> None:
    model = make_pipeline(transformer, Ridge()).fit(X, NUMBERS)
    assert_close(predict(model, X), write_and_score(model, X, FEATURES), 1e-12)


@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(),
        SimpleImputer(strategy="median", add_indicator=True),
        SimpleImputer(strategy="constant", fill_value=-1.0),
        FeatureUnion([("filled", SimpleImputer()), ("seen", MissingIndicator(features="all"))]),
        make_pipeline(StandardScaler(), SimpleImputer()),
        make_pipeline(MinMaxScaler(clip=True), SimpleImputer()),
    ],
    ids=tell,
)
def test_imputers_agree(imputer: Any) -> None:
    rows = holes(0.2)
    model = make_pipeline(imputer, LogisticRegression(max_iter=10_000, tol=1e-2)).fit(rows, GOOD)
    assert_close(predict(model, rows), write_and_score(model, rows, FEATURES), 1e-12)


def test_an_imputer_may_look_for_a_value() -> None:
    rows = np.where(holes(0.1) == X, X, -1.0)
    model = make_pipeline(SimpleImputer(missing_values=-1.0), TREE).fit(rows, NUMBERS)
    assert_close(predict(model, rows), write_and_score(model, rows, FEATURES), 0.0)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5, random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)),
        HistGradientBoostingClassifier(max_iter=5, random_state=0),
    ],
    ids=tell,
)
def test_trees_send_missing_values_where_scikit_learn_does(model: Any) -> None:
    trained = holes(0.2)
    model.fit(trained, QUALITY)
    assert_close(predict(model, trained), write_and_score(model, trained, FEATURES), 1e-12)
    model.fit(X, QUALITY)
    assert_close(predict(model, trained), write_and_score(model, trained, FEATURES), 1e-12)


def test_a_missing_value_that_scikit_learn_refuses_is_an_error_of_its_row() -> None:
    model = make_pipeline(StandardScaler(), Ridge()).fit(X, NUMBERS)
    rows = X[:3].copy()
    rows[1, 8] = np.nan
    outputs, errors = score(to_pmml(model, target_name=TARGET, feature_names=FEATURES), rows, FEATURES)
    assert ([1], True) == (list(errors), "pH" in errors[1])
    assert [False, True, False] == [value is None for value in outputs[TARGET]]


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(),
        OneHotEncoder(drop="first"),
        OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
        OneHotEncoder(min_frequency=300, handle_unknown="infrequent_if_exist"),
        OneHotEncoder(max_categories=2, drop="first"),
        OrdinalEncoder(),
        OrdinalEncoder(max_categories=3),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7),
        make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
        make_pipeline(SimpleImputer(strategy="constant", fill_value="none", missing_values=None), OrdinalEncoder()),
    ],
    ids=tell,
)
def test_encoders_agree_on_text_and_numbers(encoder: Any) -> None:
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), [0]), ("categories", encoder, [1, 3])], remainder="passthrough"
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=10_000, tol=1e-2)).fit(MIXED, GOOD)
    assert_close(predict(model, MIXED), write_and_score(model, MIXED, MIXED_NAMES), 1e-12)


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(min_frequency=300, handle_unknown="infrequent_if_exist"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7, encoded_missing_value=-8),
    ],
    ids=tell,
)
@pytest.mark.parametrize("missing", ["none", None, np.nan])
@pytest.mark.filterwarnings("ignore:Found unknown categories:UserWarning")
def test_unknown_and_missing_categories_agree(encoder: Any, missing: Any) -> None:
    trained = MIXED[:, [1]].copy()
    trained[::7] = missing
    model = make_pipeline(encoder, SimpleImputer(), LogisticRegression()).fit(trained, GOOD)
    rows = np.array([["red"], ["green"], [None if missing == "none" else missing], ["rosé"]], dtype=object)
    outputs, errors = score(to_pmml(model, target_name=TARGET, feature_names=["colour"]), rows, ["colour"])
    assert {} == errors
    assert_close(predict(model, rows), outputs, 1e-12)


def test_an_unknown_category_that_scikit_learn_refuses_is_an_error_of_its_row() -> None:
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(MIXED[:, [1]], GOOD)
    rows = np.array([["red"], ["green"]], dtype=object)
    _, errors = score(to_pmml(model, target_name=TARGET, feature_names=["colour"]), rows, ["colour"])
    assert ([1], True) == (list(errors), "green" in errors[1])


@pytest.mark.parametrize("categorical", [[1, 3], [3]])
def test_boosting_splits_on_categories(categorical: list[int]) -> None:
    rows = MIXED.copy()
    rows[:, 1] = [float(len(colour)) for colour in rows[:, 1]]
    rows = rows.astype(float)
    rows[::9, 3] = np.nan
    model = HistGradientBoostingClassifier(max_iter=10, categorical_features=categorical, random_state=0)
    model.fit(rows, QUALITY)
    assert_close(predict(model, rows), write_and_score(model, rows, MIXED_NAMES), 1e-12)


def test_a_field_is_not_a_number_and_a_category_at_once() -> None:
    both = FeatureUnion([("number", StandardScaler()), ("category", OneHotEncoder())])
    model = make_pipeline(both, Ridge()).fit(QUALITY.reshape(-1, 1), NUMBERS)
    with pytest.raises(UnsupportedError, match="'grade' is used as a number by one step and as a category by another"):
        to_pmml(model, target_name=TARGET, feature_names=["grade"])


def test_an_unknown_function_names_those_that_are_known() -> None:
    model = make_pipeline(FunctionTransformer(np.sin), Ridge()).fit(X, NUMBERS)
    with pytest.raises(UnsupportedError, match=r"FunctionTransformer cannot be written as PMML: function .*sin.*log1p"):
        to_pmml(model, target_name=TARGET, feature_names=FEATURES)
