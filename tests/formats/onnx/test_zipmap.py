"""ZipMap nodes are taken out where nobody sees them, and else left as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from headrace.formats.onnx.zipmap import Table, _read_packed, unzip
from tests.formats.onnx.building import build, build_sum


def build_maps(names: Sequence[str] = ("maps",), *, source: str = "Y", domain: str = "ai.onnx.ml") -> onnx.ModelProto:
    kind = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    outputs = [helper.make_value_info(name, helper.make_sequence_type_proto(kind)) for name in names]
    nodes = [helper.make_node("Identity", ["X"], ["Y"])] + [
        helper.make_node("ZipMap", [source], [name], domain=domain, classlabels_strings=["é", "b"]) for name in names
    ]
    return build(nodes, [("X", TensorProto.FLOAT, [None, 2])], outputs)


def test_the_node_is_gone_and_its_tensor_put_out() -> None:
    model = build_maps()
    model.doc_string = "kept"
    model.graph.doc_string = "kept too"
    content, tables = unzip(model.SerializeToString())
    changed = onnx.load_from_string(content)
    assert (Table("maps", "Y", ("é", "b")),) == tables
    assert ["Identity"] == [node.op_type for node in changed.graph.node]
    assert ["Y"] == [output.name for output in changed.graph.output]
    assert ("kept", "kept too", 9) == (changed.doc_string, changed.graph.doc_string, changed.ir_version)
    assert model.opset_import == changed.opset_import


@pytest.mark.parametrize(
    "model",
    [
        build_sum(),
        build_maps(source="X"),
        build_maps(domain="my.own"),
    ],
    ids=["none", "of an input", "another's operator"],
)
def test_another_graph_is_left_as_it_is(model: onnx.ModelProto) -> None:
    content = model.SerializeToString()
    assert (content, ()) == unzip(content)


def test_a_tensor_that_is_an_output_already_is_left() -> None:
    model = build_maps()
    model.graph.output.append(helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 2]))
    assert () == unzip(model.SerializeToString())[1]


def test_of_two_maps_of_one_tensor_the_second_stays() -> None:
    content, tables = unzip(build_maps(("one", "two")).SerializeToString())
    assert ["one"] == [table.output for table in tables]
    assert ["Y", "two"] == [output.name for output in onnx.load_from_string(content).graph.output]


def test_integer_classes_are_read_however_they_are_written() -> None:
    model = build_maps()
    node = helper.make_node("ZipMap", ["Y"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=[-1, 300])
    model.graph.node[1].CopyFrom(node)
    assert (-1, 300) == unzip(model.SerializeToString())[1][0].keys
    assert [-1, 300] == _read_packed(b"\xff" * 9 + b"\x01\xac\x02")


def test_what_is_left_is_a_sound_model() -> None:
    content, _ = unzip(build_maps().SerializeToString())
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(["Y"], {"X": np.array([[0.25, 0.75]], np.float32)})
    assert [[0.25, 0.75]] == found.tolist()
