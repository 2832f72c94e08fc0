import msgspec
import numpy as np
import onnx
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from headrace.abc.model import Prepared
from headrace.errors import ConfigurationError, LimitError, ModelError, ModelFormatError, UnsupportedError
from headrace.formats.onnx import OnnxFormat
from tests.formats.onnx.building import build, build_sum

CONTENT = build_sum().SerializeToString()


@pytest.mark.parametrize("cut", [len(CONTENT), 20])
def test_a_model_is_recognised_from_its_top(cut: int) -> None:
    assert OnnxFormat().recognises(CONTENT[:cut])


SAVED_MODEL = b"\x08\x01\x12\x04abcd"
FROZEN_GRAPH = b"\x0a\x04\x0a\x02ab"


@pytest.mark.parametrize("other", [b"", b"<PMML/>", b"\x80\x04K\x01.", b"PK\x03\x04", SAVED_MODEL, FROZEN_GRAPH, b"{}"])
def test_other_bytes_are_not_recognised(other: bytes) -> None:
    assert not OnnxFormat().recognises(other)
    with pytest.raises(ModelFormatError, match="not an ONNX model"):
        OnnxFormat().prepare(other)


def test_what_is_prepared_is_the_bytes_and_values() -> None:
    prepared = OnnxFormat().prepare(CONTENT)
    assert prepared.arrays["model"].tobytes() == CONTENT
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(prepared.plan))
    model = OnnxFormat().assemble(Prepared(again, prepared.arrays))
    assert model.score_one({"X": [1, 2, 3]}) == {"total": 6.0}
    model.close()


@pytest.mark.parametrize("plan", [{}, {"ports": {}}, {"ports": {"inputs": 1, "outputs": [], "batch": None}}])
def test_what_was_not_prepared_here_is_refused(plan: dict[str, object]) -> None:
    with pytest.raises(ModelFormatError, match="what was prepared is not an ONNX model"):
        OnnxFormat().assemble(Prepared(plan, {"model": np.frombuffer(CONTENT, np.uint8)}))


def break_it(part: str) -> onnx.ModelProto:
    model = build_sum()
    match part:
        case "ir":
            model.ir_version = 99
        case "opset":
            model.opset_import[0].version = 99
        case "operator":
            model.graph.node[0].op_type = "NoSuch"
        case "edge":
            model.graph.node[0].input[0] = "nothing"
    return model


@pytest.mark.parametrize(
    ("part", "kind", "message"),
    [
        ("ir", UnsupportedError, "does not support the model: Unsupported model IR version: 99"),
        ("opset", UnsupportedError, "released onnx opset versions"),
        ("operator", UnsupportedError, "No Op registered for NoSuch"),
        ("edge", ModelFormatError, "not a sound ONNX model: Invalid model. Node input 'nothing' is not a graph input"),
    ],
)
def test_errors_of_onnxruntime_are_verdicts(part: str, kind: type[ModelError], message: str) -> None:
    with pytest.raises(kind, match=message) as raised:
        OnnxFormat().prepare(break_it(part).SerializeToString())
    assert "/onnxruntime_src" not in str(raised.value)
    assert "/proc" not in str(raised.value)


@pytest.mark.parametrize("operator", ["Expand", "ConstantOfShape"])
def test_memory_that_is_not_there_is_no_verdict(operator: str) -> None:
    shape = numpy_helper.from_array(np.array([2**20, 2**30], np.int64), "shape")
    node = helper.make_node(operator, ["X", "shape"] if operator == "Expand" else ["shape"], ["Y"])
    model = build([node], [("X", TensorProto.FLOAT, [None, 1])], [("Y", TensorProto.FLOAT, [None, None])], [shape])
    with pytest.raises(LimitError, match="onnxruntime lacks the memory"):
        OnnxFormat().prepare(model.SerializeToString())


def make_external(location: str) -> onnx.TensorProto:
    tensor = TensorProto(name="axes", data_type=TensorProto.INT64, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def hide_external(where: str) -> onnx.ModelProto:
    """Put a tensor of another file where only a careful reader finds it."""
    model, tensor = build_sum(), make_external("/etc/passwd")
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=tensor)], "inner", [], [])
    match where:
        case "initializer":
            model.graph.initializer.append(tensor)
        case "attribute":
            model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))
        case "subgraph":
            model.graph.node.append(helper.make_node("If", ["X"], ["c"], then_branch=inner, else_branch=inner))
        case "sparse":
            model.graph.sparse_initializer.add(values=tensor, dims=[1])
        case "function":
            function = model.functions.add(name="f", domain="d")
            function.node.append(helper.make_node("Constant", [], ["c"], value=tensor))
        case "training":
            model.training_info.add(initialization=inner)
    return model


@pytest.mark.parametrize("where", ["initializer", "attribute", "subgraph", "sparse", "function", "training"])
def test_tensors_in_other_files_are_refused(where: str) -> None:
    with pytest.raises(UnsupportedError, match="keeps tensors in other files"):
        OnnxFormat().prepare(hide_external(where).SerializeToString())


def test_the_word_alone_is_no_other_file() -> None:
    model = build_sum()
    model.doc_string = "location"
    OnnxFormat().prepare(model.SerializeToString())


def test_inputs_that_no_column_can_feed() -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    for kind, shape, message in [
        (TensorProto.COMPLEX64, [None], r"does not support the model: .*tensor\(complex64\)"),
        (TensorProto.BFLOAT16, [None], r"the input 'x' is a tensor\(bfloat16\); tensors of float, double"),
        (TensorProto.FLOAT, [], "has no dimension for the records"),
    ]:
        model = build([node], [("x", kind, shape)], [("y", kind, shape)])
        with pytest.raises(UnsupportedError, match=message):
            OnnxFormat().prepare(model.SerializeToString())


def test_options_that_do_not_exist_here() -> None:
    with pytest.raises(ConfigurationError, match=r"no provider MagicProvider; it has .*CPUExecutionProvider"):
        OnnxFormat(providers=["MagicProvider"])
    with pytest.raises(ConfigurationError, match="number of threads"):
        OnnxFormat(intra_op_threads=-1)


@given(st.integers(0, len(CONTENT) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_a_model_or_a_verdict(place: int, value: int) -> None:
    changed = CONTENT[:place] + bytes([value]) + CONTENT[place + 1 :]
    try:
        model = OnnxFormat().assemble(OnnxFormat().prepare(changed))
    except (ModelError, LimitError):
        return
    scores = model.score(pa.record_batch({each.name: pa.nulls(1) for each in model.signature.inputs}))
    assert scores.outputs.num_rows in {0, 1}


def find_end_of_graph() -> int:
    model = build_sum()
    del model.opset_import[:]  # written after the graph
    return len(model.SerializeToString())


@given(st.integers(0, find_end_of_graph() - 1))
def test_a_cut_model_is_refused(size: int) -> None:
    with pytest.raises(ModelError):
        OnnxFormat().prepare(CONTENT[:size])
