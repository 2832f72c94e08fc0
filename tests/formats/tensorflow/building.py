"""Small TensorFlow graphs for the tests, and archives of SavedModels."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.abc.model import Model
from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.records import Signature

DATA = Path(__file__).parents[2] / "data" / "tensorflow"
FLOAT, INT32, STRING = pb.DT_FLOAT, pb.DT_INT32, pb.DT_STRING


def read_predictions(model: str) -> dict[str, Any]:
    """Give records and what TensorFlow predicted for them, by the names of the signature."""
    found: dict[str, Any] = json.loads((DATA / "predictions.json").read_text(encoding="utf-8"))[model]
    return found


def make_batch(signature: Signature, values: Mapping[str, Any]) -> pa.RecordBatch:
    """Make the columns that a model's inputs take."""
    columns = {}
    for each in signature.inputs:
        kind = pa.type_for_alias(each.type)
        columns[each.name] = pa.array(values[each.name], pa.list_(kind, each.shape[0]) if each.shape else kind)
    return pa.record_batch(columns)


def agree(expected: Any, actual: Any) -> bool:
    """Tell whether outputs are those of TensorFlow, as far as single precision goes from one machine to another."""
    if np.asarray(expected).dtype.kind in "US":
        return bool(expected == actual)
    return bool(np.allclose(np.asarray(expected, float), np.asarray(actual, float), rtol=1e-5, atol=1e-6))


def check_predictions(model: Model, case: str) -> None:
    """Check that a model scores batches and single records as TensorFlow did."""
    predicted = read_predictions(case)
    scores = model.score(make_batch(model.signature, predicted))
    assert scores.errors == {}
    inputs = [each.name for each in model.signature.inputs]
    for output in model.signature.outputs:
        assert agree(predicted[output.name], scores.outputs.column(output.name).to_pylist())
        for row, expected in enumerate(predicted[output.name]):
            assert agree(expected, model.score_one({name: predicted[name][row] for name in inputs})[output.name])


def add(graph: Any, op: str, name: str, inputs: Sequence[str] = (), **attributes: Any) -> None:
    """Add a node to a graph or to a function."""
    nodes = graph.node if isinstance(graph, pb.GraphDef) else graph.node_def
    node = nodes.add(op=op, name=name, input=inputs)
    for key, value in attributes.items():
        if isinstance(value, bool):
            node.attr[key].b = value
        elif isinstance(value, pb.TensorShapeProto):
            node.attr[key].shape.CopyFrom(value)
        elif isinstance(value, pb.TensorProto):
            node.attr[key].tensor.CopyFrom(value)
        elif isinstance(value, pb.NameAttrList):
            node.attr[key].func.CopyFrom(value)
        elif isinstance(value, list):
            node.attr[key].list.type.extend(value)
        elif isinstance(value, bytes):
            node.attr[key].s = value
        else:
            node.attr[key].type = value


def shape_of(*sizes: int) -> pb.TensorShapeProto:
    return pb.TensorShapeProto(dim=[pb.TensorShapeProto.Dim(size=size) for size in sizes])


def constant(graph: Any, name: str, value: Any, kind: pb.DataType = FLOAT) -> None:
    array = np.asarray(value, {FLOAT: np.float32, INT32: np.int32, STRING: object}[kind])
    tensor = pb.TensorProto(dtype=kind, tensor_shape=shape_of(*array.shape))
    if kind == STRING:
        tensor.string_val.extend(each.encode() for each in array.ravel().tolist())
    else:
        tensor.tensor_content = array.tobytes()
    add(graph, "Const", name, dtype=kind, value=tensor)


def begin(*sizes: int, kind: pb.DataType = FLOAT) -> pb.GraphDef:
    """Begin a graph with the placeholder ``x``."""
    graph = pb.GraphDef(versions=pb.VersionDef(producer=27))
    add(graph, "Placeholder", "x", dtype=kind, shape=shape_of(*(sizes or (-1, 3))))
    return graph


def build_sum(*sizes: int) -> pb.GraphDef:
    """Make a graph that gives the sum of its one vector as ``total``."""
    graph = begin(*sizes)
    constant(graph, "axis", 1, INT32)
    add(graph, "Sum", "total", ["x", "axis"], T=FLOAT, Tidx=INT32, keep_dims=False)
    return graph


def build_call(body: pb.FunctionDef) -> pb.GraphDef:
    """Make a graph whose output is a function of one number vector to another."""
    graph = begin()
    body.signature.name = "body"
    body.signature.input_arg.add(name="v", type=FLOAT)
    body.signature.output_arg.add(name="w", type=FLOAT)
    graph.library.function.append(body)
    function = pb.NameAttrList(name="body")
    add(graph, "StatefulPartitionedCall", "y", ["x"], Tin=[FLOAT], Tout=[FLOAT], f=function)
    return graph


def build_saved(graph: pb.GraphDef, output: str = "total", **more: Any) -> pb.SavedModel:
    """Make a SavedModel of one signature, from ``x`` to an output."""
    meta = pb.MetaGraphDef(graph_def=graph, **more)
    meta.meta_info_def.tags.append("serve")
    signature = meta.signature_def["serving_default"]
    signature.inputs["x"].CopyFrom(pb.TensorInfo(name="x:0", dtype=FLOAT, tensor_shape=shape_of(-1, 3)))
    signature.outputs["out"].CopyFrom(pb.TensorInfo(name=f"{output}:0", dtype=FLOAT, tensor_shape=shape_of(-1)))
    return pb.SavedModel(saved_model_schema_version=1, meta_graphs=[meta])


def read_folder(name: str) -> dict[str, bytes]:
    """Read the files of a model's folder by their paths."""
    folder = DATA / name
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def pack_tar(files: Mapping[str, bytes], packing: str = "") -> bytes:
    """Make a tar archive."""
    packed = io.BytesIO()
    open_it: Any = tarfile.open  # its types want each mode for itself
    with open_it(fileobj=packed, mode=f"w:{packing}") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def pack_zip(files: Mapping[str, bytes]) -> bytes:
    """Make a zip archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return packed.getvalue()
