"""scikit-learn models as ONNX score as scikit-learn does."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest
from sklearn.cluster import MeanShift
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from headrace.errors import MissingExtraError, ModelError, UnsupportedError
from headrace.export.sklearn_onnx import descriptor_for, to_onnx
from tests.export.wine import FEATURES, GOOD, QUALITY, X

LABELS = np.where(GOOD == 1, "good", "poor")


def run(content: bytes) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"features": X}), strict=True))


def test_a_classifier_puts_out_its_class_and_a_column_for_each_probability() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, QUALITY)
    outputs = run(to_onnx(model, target_name="quality", feature_names=FEATURES))
    assert ["quality", *(f"probability({label})" for label in range(3, 9))] == list(outputs)
    assert model.predict(X).tolist() == outputs["quality"].tolist()
    probabilities = np.array([outputs[f"probability({label})"] for label in range(3, 9)]).T
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=1e-12)


def test_a_regressor_puts_out_a_double() -> None:
    model = make_pipeline(StandardScaler(), Ridge()).fit(X, QUALITY)
    outputs = run(to_onnx(model, target_name="quality", feature_names=FEATURES))
    assert ((len(X),), np.float64) == (outputs["quality"].shape, outputs["quality"].dtype)
    np.testing.assert_allclose(outputs["quality"], model.predict(X), rtol=1e-12)


@pytest.mark.parametrize(
    "estimator", [GradientBoostingClassifier(n_estimators=5, random_state=0), RandomForestRegressor(5, random_state=0)]
)
def test_trees_take_doubles_and_compute_in_singles(estimator: Any) -> None:
    model = estimator.fit(X, GOOD)
    outputs = run(to_onnx(model, target_name="good", feature_names=FEATURES))
    np.testing.assert_allclose(outputs["good"], model.predict(X), atol=1e-6)
    assert np.float64 == outputs.get("probability(1)", outputs["good"]).dtype


def test_a_classifier_without_probabilities_puts_out_its_class() -> None:
    model = LinearSVC(random_state=0).fit(X, LABELS)
    outputs = run(to_onnx(model, target_name="taste", feature_names=FEATURES))
    assert {"taste": model.predict(X).tolist()} == {name: list(values) for name, values in outputs.items()}


def test_the_two_tensors_and_zipmap_are_there_for_who_asks() -> None:
    model = LogisticRegression().fit(X / 100, GOOD)
    tensors = run(to_onnx(model, target_name="good", feature_names=FEATURES, outputs="tensor"))
    maps = run(to_onnx(model, target_name="good", feature_names=FEATURES, outputs="zipmap"))
    assert [(len(X),), (len(X), 2)] == [values.shape for values in tensors.values()]
    assert {0, 1} == set(next(reversed(maps.values()))[0])


def test_a_column_for_each_feature_may_be_text() -> None:
    table = pa.table({"acidity": X[:, 0], "colour": np.where(QUALITY % 2, "red", "rosé"), "alcohol": X[:, 10]})
    scaler = ColumnTransformer(
        [("numbers", StandardScaler(), ["alcohol", "acidity"]), ("text", OneHotEncoder(), ["colour"])]
    )
    model = make_pipeline(scaler, LogisticRegression()).fit(table, GOOD)
    content = to_onnx(model, target_name="good", inputs="columns", text_features=["colour"])
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert ["acidity", "colour", "alcohol"] == [item.name for item in session.get_inputs()]
    columns = {name: np.array(table[name].to_pylist()).reshape(-1, 1) for name in table.column_names}
    _, _, probabilities = session.run(None, columns | {"colour": columns["colour"].astype(object)})
    np.testing.assert_allclose(probabilities, model.predict_proba(table)[:, 1], rtol=1e-6)


def test_text_needs_columns_and_a_feature_of_its_name() -> None:
    model = Ridge().fit(X, QUALITY)
    with pytest.raises(ModelError, match='give inputs="columns"'):
        to_onnx(model, target_name="quality", feature_names=FEATURES, text_features=["pH"])
    with pytest.raises(ModelError, match="colour"):
        to_onnx(model, target_name="quality", feature_names=FEATURES, inputs="columns", text_features=["colour"])


def test_an_estimator_without_a_converter_is_named() -> None:
    model = MeanShift().fit(X[:50])
    with pytest.raises(UnsupportedError, match="MeanShift cannot be written as ONNX"):
        to_onnx(model, target_name="cluster", feature_names=FEATURES)


def test_without_skl2onnx_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'headrace\[sklearn-onnx\]'"):
        to_onnx(Ridge().fit(X, QUALITY), target_name="quality", feature_names=FEATURES)


def test_a_publication_carries_model_mapping_and_golden_records() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, QUALITY)
    descriptor = descriptor_for(
        model, name="wine", data_type="wine", target_name="quality", feature_names=FEATURES, examples=X, golden_rows=3
    )
    assert ("onnx", {"features": FEATURES}, 3) == (
        descriptor.model_type,
        descriptor.mapping,
        len(descriptor.golden),
    )
    assert model.predict(X[:1])[0] == descriptor.golden[0].outputs["quality"]
    assert dict(zip(FEATURES, X[0], strict=True)) == descriptor.golden[0].inputs


@pytest.mark.parametrize("name", ["label", "probabilities", "variable", "coef", "label1"])
@pytest.mark.parametrize("estimator", [LogisticRegression(), Ridge()])
def test_target_that_bears_a_name_from_within_the_graph(estimator: Any, name: str) -> None:
    model = make_pipeline(StandardScaler(), estimator).fit(X, GOOD)
    outputs = run(to_onnx(model, target_name=name, feature_names=FEATURES))
    np.testing.assert_allclose(outputs[name], model.predict(X), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("features", "an input of the model has that name"),
        ("probability(1)", "the model needs that name itself"),
        ("", "it is empty"),
    ],
)
def test_target_that_cannot_be_named_so(name: str, why: str) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, GOOD)
    with pytest.raises(ModelError, match=f"target_name {re.escape(repr(name))} cannot be used: {why}; choose another"):
        to_onnx(model, target_name=name, feature_names=FEATURES)


def test_estimator_that_takes_no_columns_is_told() -> None:
    model = LogisticRegression().fit(StandardScaler().fit_transform(X), GOOD)
    with pytest.raises(UnsupportedError, match="LogisticRegression cannot be written as ONNX by skl2onnx: "):
        to_onnx(model, target_name="y", feature_names=FEATURES, inputs="columns")
