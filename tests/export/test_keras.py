"""Keras networks as graphs and SavedModels: TensorFlow and Headrace score them as Keras does."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace
from headrace.errors import MissingExtraError, ModelError, UnsupportedError
from headrace.export import keras_graph, keras_savedmodel
from headrace.export.keras_model import describe, import_tensorflow
from tests.export.streaming import serve
from tests.export.wine import FEATURES, GOOD, QUALITY, X

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tensorflow"), pytest.mark.timeout(300)]
CLASSES = tuple(range(3, 9))
ROWS = X.astype(np.float32)
EXPORTERS = pytest.mark.parametrize("exporter", [keras_graph, keras_savedmodel], ids=["graph", "savedmodel"])


def train(places: Any, last: Any, loss: str) -> Any:
    keras = import_tensorflow().keras
    keras.utils.set_random_seed(7)
    normalisation = keras.layers.Normalization()
    normalisation.adapt(ROWS)
    model = keras.Sequential([keras.Input((11,)), normalisation, keras.layers.Dense(8, "relu"), last])
    model.compile("adam", loss)
    model.fit(ROWS, places, epochs=2, verbose=0)
    return model


@pytest.fixture(scope="module")
def classifier() -> Any:
    last = import_tensorflow().keras.layers.Dense(6, "softmax")
    return train(QUALITY - 3, last, "sparse_categorical_crossentropy")


@EXPORTERS
def test_a_classifier_in_a_running_stream(tmp_path: Path, classifier: Any, exporter: Any) -> None:
    descriptor = exporter.descriptor_for(
        classifier,
        name="network",
        data_type="wine",
        target_name="quality",
        feature_names=FEATURES,
        classes=CLASSES,
        examples=X,
        version="1",
    )
    assert ("1", {"features": FEATURES}, 20) == (descriptor.version, descriptor.mapping, len(descriptor.golden))
    scored = serve(tmp_path, descriptor, FEATURES, X.tolist())
    chances = classifier.predict(ROWS, verbose=0)
    np.testing.assert_allclose([each["probabilities"] for each in scored], chances, rtol=1e-5, atol=1e-7)
    assert (chances.argmax(axis=1) + 3).tolist() == [each["quality"] for each in scored]


@EXPORTERS
def test_one_probability_is_that_of_the_second_class(exporter: Any) -> None:
    last = import_tensorflow().keras.layers.Dense(1, "sigmoid")
    model = train(GOOD, last, "binary_crossentropy")
    descriptor = exporter.descriptor_for(
        model,
        name="m",
        data_type="wine",
        target_name="taste",
        feature_names=FEATURES,
        classes=["poor", "good"],
        examples=X,
        golden_rows=4,
    )
    loaded = headrace.load(descriptor.content)
    good = model.predict(ROWS[:1], verbose=0)[0, 0]
    scored = loaded.score_one({"features": X[0].tolist()})
    assert ("good" if good > 0.5 else "poor") == scored["taste"] == descriptor.golden[0].outputs["taste"]
    assert [1 - good, good] == pytest.approx(scored["probabilities"], rel=1e-5)


@EXPORTERS
def test_a_regression_is_a_number_for_each_record(exporter: Any) -> None:
    model = train(QUALITY.astype(float), import_tensorflow().keras.layers.Dense(1), "mse")
    write = keras_graph.to_graph if exporter is keras_graph else keras_savedmodel.to_saved_model
    loaded = headrace.load(write(model, target_name="quality", feature_names=FEATURES))
    assert [("quality", ())] == [(each.name, each.shape) for each in loaded.signature.outputs]
    expected = model.predict(ROWS[:5], verbose=0)[:, 0]
    found = [loaded.score_one({"features": row})["quality"] for row in X[:5].tolist()]
    assert expected.tolist() == pytest.approx(found, rel=1e-5)


def test_several_inputs_keep_their_names() -> None:
    keras = import_tensorflow().keras
    one, two = keras.Input((1,), name="alcohol"), keras.Input((2,), name="acids")
    model = keras.Model([one, two], keras.layers.Dense(1)(keras.layers.Concatenate()([one, two])))
    descriptor = keras_graph.descriptor_for(
        model,
        name="m",
        data_type="wine",
        target_name="y",
        feature_names=["alcohol", "fixed", "citric"],
        examples=X[:, [10, 0, 2]],
    )
    assert {"alcohol": ("alcohol",), "acids": ("fixed", "citric")} == descriptor.mapping
    expected = model.predict([ROWS[:1, 10:], ROWS[:1, [0, 2]]], verbose=0)[0, 0]
    scored = headrace.load(descriptor.content or b"").score_one({"alcohol": X[0, 10], "acids": X[0, [0, 2]].tolist()})
    assert expected == pytest.approx(scored["y"], rel=1e-5)


def test_the_signature_has_the_name_that_was_asked_for(classifier: Any) -> None:
    content = keras_savedmodel.to_saved_model(
        classifier, target_name="quality", feature_names=FEATURES, signature="winedata"
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"winedata" in archive.read("saved_model.pb")


def test_what_does_not_fit_is_named(classifier: Any) -> None:
    keras = import_tensorflow().keras
    with pytest.raises(ModelError, match="takes 11 features"):
        describe(classifier, target_name="quality", feature_names=FEATURES[:3])
    with pytest.raises(ModelError, match="give feature_names"):
        describe(classifier, target_name="quality", feature_names=None)
    with pytest.raises(ModelError, match="tells 6 classes apart and 2 are named"):
        describe(classifier, target_name="quality", feature_names=FEATURES, classes=["a", "b"])
    with pytest.raises(ModelError, match="str is no Keras model"):
        describe("network", target_name="quality", feature_names=FEATURES)
    text = keras.Input((1,), dtype="string")
    with pytest.raises(UnsupportedError, match="string of the shape"):
        describe(keras.Model(text, keras.layers.Identity()(text)), target_name="y", feature_names=["t"])
    image = keras.Input((4, 4, 1))
    with pytest.raises(UnsupportedError, match="outputs have the shapes"):
        describe(
            keras.Model(image, keras.layers.Conv2D(1, 2)(image)),
            target_name="y",
            feature_names=list("abcdefghijklmnop"),
        )


def test_without_tensorflow_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'headrace\[tensorflow\]'"):
        keras_graph.to_graph(None, target_name="y")
