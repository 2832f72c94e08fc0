"""scikit-learn to ONNX, by skl2onnx.

Records hold doubles, so the model's inputs are doubles. ONNX's tree ensembles, support vector machines and ZipMap
compute in single precision: a model that uses one is converted in single precision and casts its inputs itself, so a
value within a single's rounding of a threshold may take the other branch, and numbers agree to about 1e-6. All others
compute in doubles throughout. By default outputs have the names and types that the PMML exporter gives them, the
predicted value first, then ``probability(CLASS)`` as doubles, so that both serve one slot.

Source: ONNX 1.18, https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from headrace.errors import MissingExtraError, ModelError, UnsupportedError
from headrace.export.golden import find_feature_names, name_probability, predict_golden
from headrace.records import Descriptor

_OPSETS = {"": 18, "ai.onnx.ml": 3}  # read by every onnxruntime since 1.14
_SINGLE_ONLY = {"SVMClassifier", "SVMRegressor", "TreeEnsembleClassifier", "TreeEnsembleRegressor"}
_TENSOR = "features"
_SHAPE = "the shape of a column"


def to_onnx(
    estimator: Any,
    *,
    target_name: str,
    feature_names: Sequence[str] | None = None,
    inputs: Literal["tensor", "columns"] = "tensor",
    text_features: Collection[str] = (),
    outputs: Literal["columns", "tensor", "zipmap"] = "columns",
) -> bytes:
    """Write a fitted estimator, or a pipeline that ends in one, as an ONNX model.

    ``inputs`` are one double tensor ``features`` of shape (rows, features), or a column of shape (rows, 1) for each
    feature, a string for ``text_features``. ``outputs`` are one of shape (rows,) for the predicted value and for each
    class's probability; or the two tensors as skl2onnx names them; or the second of these as a list of mappings.

    Raises ``UnsupportedError`` for an estimator without a converter, ``ModelError`` for names that do not fit,
    ``MissingExtraError`` without skl2onnx.
    """
    names = find_feature_names(estimator, feature_names)
    has_probabilities = hasattr(estimator, "predict_proba")
    zipmap = {id(estimator): {"zipmap": outputs == "zipmap"}} if has_probabilities else None
    kinds = _input_kinds(names, text_features, inputs)
    model = None if outputs == "zipmap" else _convert_in_doubles(estimator, kinds, zipmap)
    if model is None:
        model = _convert(estimator, kinds, zipmap, single=True)
        _cast_inputs(model)
    if outputs == "columns":
        classes = list(estimator.classes_) if has_probabilities else []
        _name_outputs(model, [target_name, *(name_probability(label) for label in classes)])
    return bytes(model.SerializeToString())


def descriptor_for(
    estimator: Any,
    *,
    name: str,
    data_type: str,
    target_name: str,
    examples: Any,
    feature_names: Sequence[str] | None = None,
    inputs: Literal["tensor", "columns"] = "tensor",
    text_features: Collection[str] = (),
    golden_rows: int = 20,
    **fields: Any,
) -> Descriptor:
    """Make the publication of a fitted estimator: its ONNX model, golden records of its own predictions, the mapping.

    ``fields`` are further fields of ``Descriptor`` (slot, version, switch ...). Raises as ``to_onnx`` does.
    """
    names = find_feature_names(estimator, feature_names)
    content = to_onnx(
        estimator, target_name=target_name, feature_names=names, inputs=inputs, text_features=text_features
    )
    golden = predict_golden(estimator, examples, target_name=target_name, feature_names=names, limit=golden_rows)
    mapping = {_TENSOR: names} if inputs == "tensor" else {}
    descriptor = Descriptor(
        name=name, data_type=data_type, model_type="onnx", content=content, golden=golden, mapping=mapping
    )
    return replace(descriptor, **fields)


def _input_kinds(names: Sequence[str], text_features: Collection[str], inputs: str) -> dict[str, tuple[bool, int]]:
    """Give each input's kind, whether it is text, and its width."""
    if unknown := sorted(set(text_features) - set(names)):
        raise ModelError(f"text_features {unknown} are not among the features {list(names)}")
    if inputs == "columns":
        return {name: (name in text_features, 1) for name in names}
    if text_features:
        raise ModelError('one tensor of numbers cannot hold text_features; give inputs="columns"')
    return {_TENSOR: (False, len(names))}


def _convert_in_doubles(estimator: Any, kinds: dict[str, tuple[bool, int]], options: Any) -> Any | None:
    """Convert, or give None where a part of the model exists in single precision only."""
    try:
        model = _convert(estimator, kinds, options, single=False)
    except UnsupportedError:
        return None
    return None if any(node.op_type in _SINGLE_ONLY for node in model.graph.node) else model


def _convert(estimator: Any, kinds: dict[str, tuple[bool, int]], options: Any, *, single: bool) -> Any:
    try:
        import skl2onnx
        from skl2onnx.common import data_types, exceptions, utils
    except ImportError:
        raise MissingExtraError("writing ONNX needs skl2onnx: pip install 'headrace[sklearn-onnx]'") from None
    number = data_types.FloatTensorType if single else data_types.DoubleTensorType
    types = [
        (name, (data_types.StringTensorType if text else number)([None, width]))
        for name, (text, width) in kinds.items()
    ]
    try:
        return skl2onnx.to_onnx(estimator, initial_types=types, options=options, target_opset=_OPSETS)
    except (
        exceptions.MissingConverter,
        exceptions.MissingShapeCalculator,
        utils.InvalidInputLengthException,
        NotImplementedError,
    ) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UnsupportedError(f"{type(estimator).__name__} cannot be written as ONNX by skl2onnx: {reason}") from None


def _cast_inputs(model: Any) -> None:
    """Let a single-precision graph take doubles."""
    from onnx import TensorProto, helper

    casts = []
    for value in model.graph.input:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            inner = f"{value.name} in single precision"
            for node in model.graph.node:
                node.input[:] = [inner if name == value.name else name for name in node.input]
            casts.append(helper.make_node("Cast", [value.name], [inner], to=TensorProto.FLOAT))
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _refuse_names(names: Sequence[str], inputs: Collection[str]) -> None:
    target = names[0]
    kept = [*names[1:], *(f"flat {name}" for name in names), *(f"column {name}" for name in names[1:]), _SHAPE, *inputs]
    if not target or target in kept:
        why = "an input of the model has that name" if target in inputs else "the model needs that name itself"
        raise ModelError(f"target_name {target!r} cannot be used: {why if target else 'it is empty'}; choose another")


def _rename(graph: Any, taken: Collection[str]) -> None:
    """Give values within a graph, and in the graphs of its nodes, other names than those that are taken."""
    for node in graph.node:
        node.input[:] = [_rename_one(name, taken) for name in node.input]
        node.output[:] = [_rename_one(name, taken) for name in node.output]
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _rename(inner, taken)
    for value in (*graph.initializer, *graph.sparse_initializer, *graph.value_info, *graph.output):
        if hasattr(value, "name"):
            value.name = _rename_one(value.name, taken)


def _rename_one(name: str, taken: Collection[str]) -> str:
    return f"{name} within" if name in taken else name


def _name_outputs(model: Any, names: Sequence[str]) -> None:
    """Replace the outputs by one of shape (rows,) for each name: floating ones as doubles."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    _refuse_names(names, {each.name for each in graph.input})
    _rename(graph, {*names, *(f"{word} {name}" for name in names for word in ("column", "flat")), _SHAPE})
    label, *rest = graph.output
    sources = [label.name]
    if len(names) > 1:
        sources += [f"column {name}" for name in names[1:]]
        graph.node.append(helper.make_node("Split", [rest[0].name], sources[1:], axis=1, num_outputs=len(names) - 1))
    flat = _SHAPE
    graph.initializer.append(numpy_helper.from_array(np.array([-1], np.int64), flat))
    kind = label.type.tensor_type.elem_type
    kinds = [TensorProto.DOUBLE if kind == TensorProto.FLOAT else kind, *[TensorProto.DOUBLE] * (len(names) - 1)]
    for name, source, target in zip(names, sources, kinds, strict=True):
        graph.node.append(helper.make_node("Reshape", [source, flat], [f"flat {name}"]))
        if target == TensorProto.STRING:
            graph.node.append(helper.make_node("Identity", [f"flat {name}"], [name]))
        else:
            graph.node.append(helper.make_node("Cast", [f"flat {name}"], [name], to=target))
    del graph.output[:]
    graph.output.extend(
        helper.make_tensor_value_info(name, kind, [None]) for name, kind in zip(names, kinds, strict=True)
    )
