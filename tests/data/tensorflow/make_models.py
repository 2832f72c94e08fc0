"""Make the TensorFlow models of the tests again, and what TensorFlow itself predicts with them.

    python tests/data/tensorflow/make_models.py

The weights are random, from a fixed seed. ``predictions.json`` holds, for each model, records and TensorFlow's outputs
for them, by the names that the model's signature has.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
FIELDS = 11
RECORDS = 7
Predictions = dict[str, dict[str, Any]]


def make_weights() -> list[np.ndarray]:
    """Make the weights of a network of two layers."""
    random = np.random.default_rng(11)
    return [random.normal(size=shape).astype(np.float32) for shape in ((FIELDS, 8), (8,), (8, 6), (6,))]


def make_wines() -> np.ndarray:
    """Make records of eleven numbers."""
    return np.random.default_rng(5).normal(size=(RECORDS, FIELDS)).astype(np.float32)


def build_tf1(variables: bool) -> tuple[Any, Any]:
    """Build the network in the default graph of TensorFlow 1; gives its input and output."""
    v1 = tf.compat.v1
    given = v1.placeholder(tf.float32, [None, FIELDS], "dense_1_input")
    make = (lambda value, name: v1.get_variable(name, initializer=value, use_resource=False)) if variables else (
        lambda value, name: tf.constant(value, name=name)
    )  # fmt: skip
    first, first_bias, second, second_bias = make_weights()
    hidden = tf.nn.relu(tf.matmul(given, make(first, "w1")) + make(first_bias, "b1"), name="dense_1/Relu")
    found = tf.sigmoid(tf.matmul(hidden, make(second, "w2")) + make(second_bias, "b2"), name="dense_3/Sigmoid")
    return given, found


def make_tf1_graph(predictions: Predictions) -> None:
    """Freeze a graph of TensorFlow 1, binary and text."""
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        given, found = build_tf1(variables=True)
        session.run(v1.global_variables_initializer())
        frozen = v1.graph_util.convert_variables_to_constants(session, session.graph.as_graph_def(), [found.op.name])
        frozen.versions.producer = 27  # as TensorFlow 1.13 wrote it
        wines = make_wines()
        outputs = session.run(found, {given: wines})
    tf.io.write_graph(frozen, str(HERE), "tf1.pb", as_text=False)
    tf.io.write_graph(frozen, str(HERE), "tf1.pbtxt", as_text=True)
    predictions["tf1"] = {"dense_1_input": wines.tolist(), "dense_3/Sigmoid": outputs.tolist()}


def make_tf2_graph(predictions: Predictions) -> None:
    """Freeze a function of TensorFlow 2 that takes columns, calls functions and loops."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    scale = tf.Variable([0.5, -1.5], name="scale")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float64, "price"), tf.TensorSpec([None], tf.int64, "count")])
    def score(price: Any, count: Any) -> dict[str, Any]:
        both = tf.stack([tf.cast(price, tf.float32), tf.cast(count, tf.float32)], axis=1) * scale
        total = tf.while_loop(
            lambda i, _: i < 3, lambda i, t: (i + 1, t + tf.reduce_sum(both, axis=1)), (0, both[:, 0])
        )
        return {"sum": total[1], "flag": count > 2}

    function = score.get_concrete_function()
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    tf.io.write_graph(frozen.graph.as_graph_def(), str(HERE), "tf2.pb", as_text=False)
    price, count = np.array([1.5, -2.0, 0.0]), np.array([1, 2, 3])
    outputs = score(tf.constant(price), tf.constant(count))
    flat = sorted(function.structured_outputs)  # as TensorFlow flattens a dictionary
    names = {each.name.partition(":")[0]: key for each, key in zip(frozen.outputs, flat, strict=True)}
    predictions["tf2"] = {
        "price": price.tolist(),
        "count": count.tolist(),
        **{name: outputs[value].numpy().tolist() for name, value in names.items()},
    }


def make_tf1_saved(predictions: Predictions) -> None:
    """Save a model of TensorFlow 1, of two MetaGraphs."""
    v1 = tf.compat.v1
    folder = HERE / "saved_tf1"
    shutil.rmtree(folder, ignore_errors=True)
    builder = v1.saved_model.Builder(str(folder))
    for number, tags in enumerate((["serve"], ["serve", "double"])):
        with v1.Graph().as_default(), v1.Session() as session:
            given, found = build_tf1(variables=True)
            session.run(v1.global_variables_initializer())
            quality = tf.identity(found * (number + 1), name="quality")
            signature = v1.saved_model.build_signature_def(
                {"winedata": v1.saved_model.build_tensor_info(given)},
                {"quality": v1.saved_model.build_tensor_info(quality)},
                "tensorflow/serving/predict",
            )
            signatures = {"predict": signature}
            if number == 0:
                builder.add_meta_graph_and_variables(session, tags, signatures)
            else:
                builder.add_meta_graph(tags, signatures)
            wines = make_wines()
            key = "saved_tf1" if number == 0 else "saved_tf1_double"
            outputs = session.run(quality, {given: wines})
            predictions[key] = {"winedata": wines.tolist(), "quality": outputs.tolist()}
    builder.save()


class Vocabulary(tf.Module):
    """A model of a text and a number, with a vocabulary in a file, and of another signature."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = tf.saved_model.Asset(str(file))
        make = tf.lookup.TextFileInitializer
        self.table = tf.lookup.StaticHashTable(
            make(
                self.file, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            ),
            -1,
        )
        self.names = tf.constant(["a short name", "a name of more than twenty-two letters", "żółty"])
        self.factors = tf.Variable([1.0, 10.0, 100.0, 1000.0])

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "colour"), tf.TensorSpec([None, 1], tf.float32, "size")]
    )
    def price(self, colour: Any, size: Any) -> dict[str, Any]:
        """Look the colour up and multiply."""
        place = self.table.lookup(colour)
        value = tf.gather(self.factors, place + 1) * size[:, 0]
        return {"price": value, "place": place, "name": tf.gather(self.names, tf.maximum(place, 0))}

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, "numbers")])
    def total(self, numbers: Any) -> dict[str, Any]:
        """Add up."""
        return {"total": tf.reduce_sum(numbers, axis=1)}


def make_tf2_saved(predictions: Predictions) -> None:
    """Save a model of TensorFlow 2 with a vocabulary and two signatures."""
    folder, file = HERE / "saved_tf2", HERE / "colours.txt"
    shutil.rmtree(folder, ignore_errors=True)
    file.write_text("red\ngreen\nżółty\n", encoding="utf-8")
    model = Vocabulary(file)
    tf.saved_model.save(model, str(folder), signatures={"price": model.price, "total": model.total})
    file.unlink()
    colours, sizes = ["red", "żółty", "blue", "green", ""], [1.0, 2.0, 3.0, 0.5, 7.0]
    outputs = model.price(tf.constant(colours), tf.constant(sizes)[:, None])
    texts = [each.decode() for each in outputs["name"].numpy().tolist()]
    predictions["saved_tf2"] = {
        "colour": colours,
        "size": sizes,
        "price": outputs["price"].numpy().tolist(),
        "place": outputs["place"].numpy().tolist(),
        "name": texts,
    }


def make_keras_saved(predictions: Predictions) -> None:
    """Export a model of Keras."""
    folder = HERE / "saved_keras"
    shutil.rmtree(folder, ignore_errors=True)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [layers.Input((FIELDS,), name="winedata"), layers.Dense(4, "relu"), layers.Dense(3, "softmax")]
    )
    weights = make_weights()
    model.set_weights([weights[0][:, :4], weights[1][:4], weights[2][:4, :3], weights[3][:3]])
    model.export(str(folder), verbose=False)
    wines = make_wines()
    predictions["saved_keras"] = {"winedata": wines.tolist(), "output_0": model(wines).numpy().tolist()}


def main() -> None:
    """Make them all."""
    predictions: Predictions = {}
    for make in (make_tf1_graph, make_tf2_graph, make_tf1_saved, make_tf2_saved, make_keras_saved):
        make(predictions)
    for folder in HERE.glob("saved_*"):
        (folder / "fingerprint.pb").unlink(missing_ok=True)
    (HERE / "predictions.json").write_text(
        json.dumps(predictions, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
