"""Small ONNX models for the tests."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Port = tuple[str, int, Sequence[int | str | None] | None]


def build(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Port],
    outputs: Sequence[Port | onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
    opset: int = 17,
) -> onnx.ModelProto:
    """Make a model of nodes and the name, type and shape of each input and output."""
    given = [
        each if isinstance(each, onnx.ValueInfoProto) else helper.make_tensor_value_info(*each) for each in outputs
    ]
    taken = [helper.make_tensor_value_info(*each) for each in inputs]
    graph = helper.make_graph(list(nodes), "test", taken, given, list(initializers))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def build_sum(width: int | str | None = 3, batch: int | str | None = None) -> onnx.ModelProto:
    """Make a model that gives the sum of its one vector."""
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    node = helper.make_node("ReduceSum", ["X", "axes"], ["total"], keepdims=1)
    return build([node], [("X", TensorProto.FLOAT, [batch, width])], [("total", TensorProto.FLOAT, [batch, 1])], [axes])
