"""The models that are scored, each beside the loop by hand around its bare runtime.

A loop by hand holds the features as a matrix of single precision and gives what the runtime gives, as NumPy arrays. The
runtimes use one thread. PMML has no runtime but ours; scikit-learn's own prediction stands beside it.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.embedded.models import SEED, read_wines
from headrace.export import keras_graph, keras_savedmodel, sklearn_onnx, sklearn_pmml
from headrace.export.keras_model import import_tensorflow
from headrace.wire.wine import FEATURES

Floats = npt.NDArray[np.float32]
Loop = Callable[[Floats], object]


@dataclass(frozen=True, slots=True)
class Case:
    """A model's bytes and the loop by hand; ``has_goal`` where that is a bare runtime of the same bytes."""

    name: str
    model_type: str
    content: bytes
    bare: Loop
    has_goal: bool = True


def make_cases(*, quick: bool) -> Iterator[Case]:
    """Train and export the models, one after the other."""
    features, quality = read_wines()
    features = features.astype(np.float32).astype(np.float64)
    forest = RandomForestClassifier(10, max_depth=5, random_state=SEED).fit(features, quality)
    network = make_pipeline(
        StandardScaler(), MLPClassifier((24,), max_iter=5 if quick else 300, tol=1.0, random_state=SEED)
    ).fit(features, quality)
    names: dict[str, Any] = {"target_name": "quality", "feature_names": FEATURES}
    pmml = sklearn_pmml.to_pmml(forest, examples=features, verification_rows=0, **names)
    yield Case("PMML, forest of 10", "pmml", pmml, forest.predict_proba, has_goal=False)
    exported = {
        "ONNX, forest of 10": sklearn_onnx.to_onnx(forest, outputs="tensor", **names),
        "ONNX, forest of 10 with ZipMap": sklearn_onnx.to_onnx(forest, outputs="zipmap", **names),
        "ONNX, network of 24": sklearn_onnx.to_onnx(network, outputs="tensor", **names),
    }
    for name, content in exported.items():
        yield Case(name, "onnx", content, open_session(content))
    model = train_keras(features, quality - quality.min(), epochs=1 if quick else 5)
    yield make_graph(keras_graph.to_graph(model, **names))
    yield make_saved(keras_savedmodel.to_saved_model(model, **names))


def open_session(content: bytes) -> Loop:
    """Make the loop around a session of onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    outputs = [output.name for output in session.get_outputs()]
    kind = np.float64 if "double" in taken.type else np.float32
    kept: dict[int, Any] = {}

    def run(rows: Floats) -> object:
        if id(rows) not in kept:
            kept[id(rows)] = {taken.name: rows.astype(kind)}
        return session.run(outputs, kept[id(rows)])

    return run


def train_keras(features: Any, places: Any, *, epochs: int) -> Any:
    """Train a network of the size of the ONNX one."""
    tf = import_tensorflow()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(SEED)
    normalisation = tf.keras.layers.Normalization()
    normalisation.adapt(features.astype(np.float32))
    dense = tf.keras.layers.Dense
    layers = [
        tf.keras.Input((len(FEATURES),)),
        normalisation,
        dense(24, "relu"),
        dense(int(places.max()) + 1, "softmax"),
    ]
    model = tf.keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(features.astype(np.float32), places, epochs=epochs, verbose=0)
    return model


def make_graph(content: bytes) -> Case:
    """Make the case of a frozen graph, called as a TensorFlow function."""
    tf = import_tensorflow()
    definition = tf.compat.v1.GraphDef.FromString(content)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    function = wrapped.prune(
        wrapped.graph.get_tensor_by_name("features:0"), wrapped.graph.get_tensor_by_name("quality:0")
    )
    return Case(
        "TensorFlow graph, network of 24", "tensorflow", content, lambda rows: function(tf.constant(rows)).numpy()
    )


def make_saved(content: bytes) -> Case:
    """Make the case of a SavedModel, called by its signature."""
    tf = import_tensorflow()
    with tempfile.TemporaryDirectory() as name:
        zipfile.ZipFile(io.BytesIO(content)).extractall(name)
        loaded = tf.saved_model.load(name)
    function = loaded.signatures["serving_default"]

    def run(rows: Floats, _: Any = loaded) -> object:
        return {key: value.numpy() for key, value in function(features=tf.constant(rows)).items()}

    return Case("SavedModel, network of 24", "savedmodel", content, run)


def write_graph_table(mebibytes: int) -> bytes:
    """Write a graph that looks up one row of a large table for each record: large to load, cheap to score."""
    tf = import_tensorflow()
    table = np.random.default_rng(SEED).random(mebibytes * 2**18, dtype=np.float32)
    with tf.Graph().as_default() as graph:
        rows = tf.compat.v1.placeholder(tf.float32, [None, len(FEATURES)], "x")
        tf.gather(tf.constant(table), tf.cast(rows[:, 0], tf.int32), name="quality")
    content: bytes = graph.as_graph_def().SerializeToString()
    return content
