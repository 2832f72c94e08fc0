"""Frozen graphs: what is found in them, what they score, and that TensorFlow predicted the same."""

import importlib.util
import math
import subprocess
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from headrace.abc.model import Model, Prepared
from headrace.errors import (
    ConfigurationError,
    DescriptorError,
    MissingExtraError,
    ModelFormatError,
    RecordError,
    UnsupportedError,
)
from headrace.formats.tensorflow import TensorflowFormat
from headrace.formats.tensorflow.library import load_library
from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.formats.tensorflow.session import REWRITTEN, SessionSettings
from headrace.records import Field
from tests.formats.tensorflow.building import (
    DATA,
    FLOAT,
    STRING,
    add,
    begin,
    build_sum,
    check_predictions,
    constant,
    make_batch,
    read_predictions,
    shape_of,
)

SUM = build_sum().SerializeToString()


def load(content: bytes | pb.GraphDef, options: Mapping[str, str] | None = None) -> Model:
    if isinstance(content, pb.GraphDef):
        content = content.SerializeToString()
    chosen = TensorflowFormat().with_options(options or {})
    return TensorflowFormat().assemble(chosen.prepare(content))


def batch(*rows: Any) -> pa.RecordBatch:
    return pa.record_batch({"x": pa.array(rows, pa.list_(pa.float32(), 3))})


@pytest.mark.parametrize("file", ["tf1.pb", "tf1.pbtxt", "tf2.pb"])
def test_scores_are_those_of_tensorflow(file: str) -> None:
    content = (DATA / file).read_bytes()
    assert TensorflowFormat().recognises(content)
    model = load(content)
    check_predictions(model, file.partition(".")[0])
    model.close()


def test_inputs_and_outputs_are_found() -> None:
    model = load((DATA / "tf1.pb").read_bytes())
    assert model.signature.inputs == (Field("dense_1_input", "float", (11,)),)
    assert model.signature.outputs == (Field("dense_3/Sigmoid", "float", (6,)),)


def test_inputs_and_outputs_may_be_named_and_a_class_asked_for() -> None:
    options = {"inputs": "dense_1_input:0", "outputs": "dense_1/Relu, dense_3/Sigmoid:0", "argmax": "dense_3/Sigmoid"}
    model = load((DATA / "tf1.pb").read_bytes(), options)
    assert [each.name for each in model.signature.outputs] == ["dense_1/Relu", "dense_3/Sigmoid", "class"]
    predicted = read_predictions("tf1")
    scores = model.score(make_batch(model.signature, predicted))
    expected = np.argmax(predicted["dense_3/Sigmoid"], axis=1).tolist()
    assert scores.outputs.column("class").to_pylist() == expected
    assert model.score_one({"dense_1_input": predicted["dense_1_input"][0]})["class"] == expected[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": "nothing"}, "name 'nothing', and the graph has no such node; its inputs are x, its outputs total"),
        ({"argmax": "total"}, "argmax names 'total'; outputs of several numbers are: none"),
        ({"signature": "predict"}, "has no option 'signature'; there are: inputs, outputs, argmax"),
        ({"inputs": "x:a"}, "'x:a' names no tensor"),
    ],
)
def test_options_that_do_not_fit_are_told(options: dict[str, str], message: str) -> None:
    with pytest.raises((DescriptorError, ModelFormatError), match=message):
        load(SUM, options)


@pytest.mark.parametrize("other", [b"", b"<PMML/>", b"\x80\x04K\x01.", b"PK\x03\x04", b"{}", b"\x08\x01\x12\x04abcd"])
def test_other_bytes_are_not_recognised(other: bytes) -> None:
    assert not TensorflowFormat().recognises(other)


def test_a_text_may_begin_with_comments() -> None:
    assert TensorflowFormat().recognises(b"# a graph\n\nnode {\n")


def test_what_is_prepared_is_values_and_arrays() -> None:
    prepared = TensorflowFormat().prepare(SUM)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(prepared.plan))
    model = TensorflowFormat().assemble(Prepared(again, prepared.arrays))
    assert model.score_one({"x": [1, 2, 3]}) == {"total": 6.0}
    model.close()
    model.close()


def test_what_was_not_prepared_here_is_refused() -> None:
    with pytest.raises(ModelFormatError, match="what was prepared is not a TensorFlow graph"):
        TensorflowFormat().assemble(Prepared({}, {}))


def test_missing_values_are_nan_and_their_rows_fail_alone() -> None:
    scores = load(SUM).score(batch([1, 2, 3], [1, None, 3], None, [4, 5, 6]))
    assert scores.outputs.column("total").to_pylist() == [6.0, None, None, 15.0]
    assert sorted(scores.errors) == [1, 2]
    assert scores.errors[1] == "the model gives no number without 'x', which is missing"
    with pytest.raises(RecordError, match="no number without 'x'"):
        load(SUM).score_one({"x": [1, None, 3]})


def test_a_value_that_is_nan_without_anything_missing_is_a_value() -> None:
    graph = begin()
    add(graph, "Log", "y", ["x"], T=FLOAT)
    found = load(graph).score_one({"x": [-1, 1, 1]})["y"]
    assert isinstance(found, list)
    assert math.isnan(found[0])


def test_a_row_that_the_graph_refuses_fails_alone() -> None:
    graph = begin(-1, kind=pb.DT_INT32)
    constant(graph, "table", [10.0, 20.0])
    constant(graph, "axis", 0, pb.DT_INT32)
    add(graph, "GatherV2", "y", ["table", "x", "axis"], Tparams=FLOAT, Tindices=pb.DT_INT32, Taxis=pb.DT_INT32)
    model = load(graph)
    scores = model.score(pa.record_batch({"x": pa.array([0, 1, 7, 1, None], pa.int32())}))
    assert scores.outputs.column("y").to_pylist() == [10.0, 20.0, None, 20.0, None]
    assert "is not in [0, 2)" in scores.errors[2]
    assert scores.errors[4] == "the input 'x' is missing, and a int32 cannot say so"
    with pytest.raises(RecordError, match=r"is not in \[0, 2\)"):
        model.score_one({"x": 7})


def test_a_fixed_number_of_records_is_filled_up() -> None:
    model = load(build_sum(2, 3))
    scores = model.score(batch(*([each, 0, 0] for each in range(5))))
    assert scores.outputs.column("total").to_pylist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert model.score_one({"x": [1, 1, 1]}) == {"total": 3.0}


def test_text_of_any_length_goes_in_and_out() -> None:
    graph = begin(-1, kind=STRING)
    add(graph, "StringLength", "size", ["x"])
    add(graph, "Identity", "same", ["x"], T=STRING)
    texts = ["", "short", "ż" * 11, "a" * 22, "a" * 23, "żółty " * 100]
    scores = load(graph).score(pa.record_batch({"x": texts}))
    assert scores.outputs.to_pydict() == {"size": [len(each.encode()) for each in texts], "same": texts}


def test_a_flag_without_a_dimension_is_false() -> None:
    graph = build_sum()
    add(graph, "Placeholder", "keras_learning_phase", dtype=pb.DT_BOOL, shape=shape_of())
    graph.node[-1].attr["shape"].SetInParent()
    graph.node[-1].attr["shape"].shape.SetInParent()
    add(graph, "Switch", "branch", ["total", "keras_learning_phase"], T=FLOAT)
    model = load(graph, {"outputs": "branch:0"})
    assert [each.name for each in model.signature.inputs] == ["x"]
    assert model.score_one({"x": [1, 2, 3]}) == {"branch": 6.0}


def test_a_number_for_the_whole_batch_is_refused() -> None:
    graph = begin()
    constant(graph, "axes", [0, 1], pb.DT_INT32)
    add(graph, "Sum", "all", ["x", "axes"], T=FLOAT, Tidx=pb.DT_INT32)
    with pytest.raises(UnsupportedError, match=r"the output 'all' has the shape \[\] for 2 records"):
        load(graph)


def test_an_input_of_any_rank_takes_as_many_numbers_as_come() -> None:
    graph = build_sum()
    graph.node[0].attr["shape"].shape.CopyFrom(pb.TensorShapeProto(unknown_rank=True))
    model = load(graph)
    assert model.signature.inputs == (Field("x", "float", (-1,)),)
    assert model.score_one({"x": [1, 2, 3, 4]}) == {"total": 10.0}


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda graph: graph.node[-1].input.__setitem__(1, "gone"), "has no node 'gone', which something in it takes"),
        (lambda graph: graph.node.append(graph.node[0]), "nodes of the same name"),
        (lambda graph: graph.node.pop(0), "computes nothing from an input|has no node 'x'"),
        (lambda graph: graph.node[-1].attr["T"].__setattr__("type", pb.DT_STRING), "not a sound TensorFlow graph"),
    ],
)
def test_a_graph_that_is_not_sound_is_refused(break_it: Any, message: str) -> None:
    graph = build_sum()
    break_it(graph)
    with pytest.raises((ModelFormatError, UnsupportedError), match=message):
        load(graph)


def test_variables_are_asked_to_be_frozen() -> None:
    graph = begin()
    add(graph, "VariableV2", "w", dtype=FLOAT, shape=shape_of(3))
    add(graph, "Mul", "y", ["x", "w"], T=FLOAT)
    with pytest.raises(UnsupportedError, match="node 'w' is a variable, whose value the graph does not hold: freeze"):
        load(graph)


def test_a_large_graph_is_not_rewritten_and_scores_alike() -> None:
    places = REWRITTEN // 4 + 3
    graph = begin(-1, kind=pb.DT_INT32)
    constant(graph, "table", np.arange(places))
    constant(graph, "axis", 0, pb.DT_INT32)
    kinds = {"Tparams": FLOAT, "Tindices": pb.DT_INT32, "Taxis": pb.DT_INT32}
    add(graph, "GatherV2", "y", ["table", "x", "axis"], **kinds)
    model = load(graph)
    assert [2.0, places - 1.0] == model.score(pa.record_batch({"x": [2, places - 1]})).outputs.column("y").to_pylist()
    config = pb.ConfigProto.FromString(SessionSettings().to_bytes(rewritten=False))
    assert config.graph_options.rewrite_options.disable_meta_optimizer


def test_no_records_are_no_rows() -> None:
    assert load(SUM).score(batch()).outputs.num_rows == 0


def test_a_number_of_threads_is_no_negative_number() -> None:
    with pytest.raises(ConfigurationError, match="a number of threads is 0"):
        TensorflowFormat(intra_op_threads=-1)


def test_looking_at_blanks_takes_no_time() -> None:
    assert not TensorflowFormat().recognises(b" \t\r\n" * 10_000 + b"x")
    assert TensorflowFormat().recognises(b" \n" * 1000 + b"# a graph\nnode {")


def test_without_tensorflow_the_error_holds_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'headrace\[tensorflow\]'"):
        load_library.__wrapped__()


def test_a_tensorflow_without_its_library_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = ModuleSpec("tensorflow", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ConfigurationError, match="the TensorFlow that is installed cannot be used"):
        load_library.__wrapped__()


def test_the_python_package_is_never_imported() -> None:
    program = (
        "import sys; from headrace.formats.tensorflow import TensorflowFormat as F; "
        f"F().assemble(F().prepare({SUM!r})).close(); print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
    assert done.stderr == ""
