"""A Keras model as a function that TensorFlow can freeze or save, under names of ours.

The function takes one single-precision tensor ``features`` of shape (rows, features), or the model's own inputs by
their names. It gives the model's output as it is, a tensor of shape (rows,) or (rows, width), under the target's name;
or for a classifier whose classes are named, the class under the target's name and the tensor as ``probabilities``. One
probability is that of the second of two classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.errors import MissingExtraError, ModelError, UnsupportedError
from headrace.records import Descriptor, GoldenRecord

TENSOR = "features"
PROBABILITIES = "probabilities"
TOLERANCE = 1e-5  # single precision, added up in another order

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Served:
    """A model as a TensorFlow function of named tensors. ``inputs`` ties each to the record's fields."""

    function: Callable[..., Any]
    specs: dict[str, Any]
    inputs: dict[str, tuple[str, ...]]
    outputs: tuple[str, ...]


def describe(
    model: Any, *, target_name: str, feature_names: Sequence[str] | None, classes: Sequence[object] = ()
) -> Served:
    """Make the function of a built model.

    Raises ``ModelError`` for names and classes that do not fit, ``UnsupportedError`` for inputs or outputs that no
    record can feed or take, ``MissingExtraError`` without TensorFlow.
    """
    tf = import_tensorflow()
    if not isinstance(model, tf.keras.Model) or not model.built or not model.inputs:
        raise ModelError(f"{type(model).__name__} is no Keras model with known inputs: build and train it first")
    specs, inputs = _find_inputs(tf, model, feature_names)
    width = _find_width(model, classes)
    labels = tf.constant(np.array(classes)) if classes else None

    def serve(**given: Any) -> dict[str, Any]:
        tensors = [tf.cast(given[name], each.dtype) for name, each in zip(specs, model.inputs, strict=True)]
        shaped = [tf.reshape(tensor, [-1, *each.shape[1:]]) for tensor, each in zip(tensors, model.inputs, strict=True)]
        found = model(shaped[0] if len(shaped) == 1 else shaped, training=False)
        if labels is None:
            return {target_name: tf.identity(tf.reshape(found, [-1]) if width == 1 else found, name=target_name)}
        chances = tf.concat([1 - found, found], axis=1) if width == 1 else found
        label = tf.gather(labels, tf.argmax(chances, axis=1), name=target_name)
        return {target_name: label, PROBABILITIES: tf.identity(chances, name=PROBABILITIES)}

    outputs = (target_name, PROBABILITIES) if classes else (target_name,)
    return Served(serve, specs, inputs, outputs)


def make_descriptor(
    model: Any,
    served: Served,
    examples: Any,
    *,
    classes: Sequence[object],
    golden_rows: int,
    fields: Mapping[str, Any],
    **own: Any,
) -> Descriptor:
    """Make a publication with golden records and the mapping; ``fields`` stand above what is ``own`` to the format.

    Raises ``ModelError`` where the examples do not fit.
    """
    golden = predict_golden(model, served, examples, classes=classes, limit=golden_rows)
    descriptor = Descriptor(golden=golden, golden_tolerance=TOLERANCE, mapping=served.inputs, **own)
    return replace(descriptor, **fields)


def predict_golden(
    model: Any, served: Served, rows: Any, *, classes: Sequence[object] = (), limit: int = 20
) -> tuple[GoldenRecord, ...]:
    """Ask Keras itself for its predictions of ``limit`` rows, evenly spaced, of a matrix of features.

    Raises ``ModelError`` where the rows do not fit.
    """
    names = [field for fields in served.inputs.values() for field in fields]
    matrix = np.asarray(rows, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        raise ModelError(f"the rows have the shape {matrix.shape} and {len(names)} features are named; make them fit")
    chosen = matrix[np.unique(np.linspace(0, len(matrix) - 1, min(limit, len(matrix))).astype(int))]
    outputs = predict(model, served, chosen, classes=classes)
    return tuple(
        GoldenRecord(
            dict(zip(names, row, strict=True)), {name: values[index].tolist() for name, values in outputs.items()}
        )
        for index, row in enumerate(chosen.tolist())
    )


def predict(
    model: Any, served: Served, rows: npt.NDArray[np.float64], *, classes: Sequence[object] = ()
) -> dict[str, npt.NDArray[Any]]:
    """Ask Keras itself for its predictions of some rows, by the outputs' names."""
    widths = np.cumsum([len(fields) for fields in served.inputs.values()])[:-1]
    parts = [
        part.astype(np.float32).reshape(-1, *each.shape[1:])
        for part, each in zip(np.split(rows, widths, axis=1), model.inputs, strict=True)
    ]
    found = np.asarray(model.predict(parts[0] if len(parts) == 1 else parts, verbose=0))
    if not classes:
        return {served.outputs[0]: found.reshape(-1) if found.shape[1:] == (1,) else found}
    chances = np.hstack([1 - found, found]) if found.shape[1] == 1 else found
    return {served.outputs[0]: np.array(classes)[chances.argmax(axis=1)], PROBABILITIES: chances}


def import_tensorflow() -> Any:
    """Import TensorFlow. Raises ``MissingExtraError``."""
    try:
        import tensorflow as tf
    except ImportError:
        message = "exporting a Keras model needs TensorFlow: pip install 'headrace[tensorflow]'"
        raise MissingExtraError(message) from None
    return tf


def _find_inputs(
    tf: Any, model: Any, feature_names: Sequence[str] | None
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    for each in model.inputs:
        if not tf.as_dtype(each.dtype).is_floating or None in each.shape[1:]:
            raise UnsupportedError(
                f"the input {each.name!r} is {each.dtype} of the shape {tuple(each.shape)}; what can be exported are "
                "models that take numbers of floating types, in shapes that are fixed but for the rows"
            )
    widths = [int(np.prod(each.shape[1:])) for each in model.inputs]
    if len(widths) == 1:
        if feature_names is None:
            raise ModelError(f"a Keras model does not know the names of its {widths[0]} features; give feature_names")
        names = tuple(str(name) for name in feature_names)
        if len(set(names)) != len(names) or len(names) != widths[0]:
            raise ModelError(f"the model takes {widths[0]} features; feature_names must be as many different names")
        return {TENSOR: tf.TensorSpec([None, widths[0]], tf.float32, TENSOR)}, {TENSOR: names}
    given = tuple(feature_names or (each.name for each in model.inputs))
    if len(set(given)) != len(given) or len(given) != sum(widths):
        raise ModelError(f"the model's inputs take {sum(widths)} features; feature_names must be as many")
    specs, inputs, place = {}, {}, 0
    for each, width in zip(model.inputs, widths, strict=True):
        specs[each.name] = tf.TensorSpec([None, width], tf.float32, each.name)
        inputs[each.name] = given[place : place + width]
        place += width
    return specs, inputs


def _find_width(model: Any, classes: Sequence[object]) -> int:
    shapes = [tuple(each.shape) for each in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][1] is None:
        raise UnsupportedError(
            f"the model's outputs have the shapes {shapes}; what can be exported is one (rows, width)"
        )
    width = int(shapes[0][1])
    if classes and len(classes) != max(width, 2):
        raise ModelError(f"the model tells {max(width, 2)} classes apart and {len(classes)} are named; name each once")
    return width
