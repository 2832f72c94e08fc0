"""TensorFlow models through the airlock, those of reliability's hostile kind among them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from headrace.errors import DescriptorError, LimitError, ModelFormatError, UnsupportedError, VerificationError
from headrace.formats.tensorflow import TensorflowFormat
from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.loading import LoadOptions, ProcessChecker
from headrace.loading.checking import Checked
from headrace.records import Descriptor, GoldenRecord
from tests.formats.tensorflow.building import (
    FLOAT,
    INT32,
    add,
    begin,
    build_sum,
    constant,
    pack_tar,
    read_folder,
    shape_of,
)

pytestmark = pytest.mark.slow

CONTENT = build_sum().SerializeToString()
DESCRIPTOR = Descriptor("sum", "numbers")
RECORD = {"Width": 1, "name": "x", "height": 2.5, "depth": 3}


@pytest.fixture(scope="module")
def checker() -> Iterator[ProcessChecker]:
    checker = ProcessChecker(LoadOptions(cpu_seconds=5, memory_bytes=2**30))
    yield checker
    checker.close()


def run(checker: ProcessChecker, content: bytes, descriptor: Descriptor = DESCRIPTOR) -> Checked:
    return checker.check(content, descriptor, lambda stage: None)


def test_golden_records_become_the_one_tensor(checker: ProcessChecker) -> None:
    checked = run(checker, CONTENT, replace(DESCRIPTOR, golden=(GoldenRecord(RECORD, {"total": 6.5}),)))
    assert checked.format == "tensorflow"
    model = TensorflowFormat().assemble(checked.prepared)
    assert model.score_one({"x": [1, 2.5, 3]}) == {"total": 6.5}
    model.close()
    with pytest.raises(VerificationError, match=r"golden record 0, output 'total': expected 7, got 6\.5"):
        run(checker, CONTENT, replace(DESCRIPTOR, golden=(GoldenRecord(RECORD, {"total": 7}),)))


def test_a_saved_model_crosses_with_its_files(checker: ProcessChecker) -> None:
    content = pack_tar(read_folder("saved_tf2"), "gz")
    checked = run(checker, content, replace(DESCRIPTOR, options={"signature": "price", "outputs": "price"}))
    assert checked.format == "savedmodel"
    assert [each.name for each in checked.signature.outputs] == ["price"]


def test_an_option_that_a_format_has_not_is_a_verdict(checker: ProcessChecker) -> None:
    with pytest.raises(DescriptorError, match="'tensorflow' has no option 'signature'"):
        run(checker, CONTENT, replace(DESCRIPTOR, options={"signature": "x"}))
    with pytest.raises(DescriptorError, match="the format 'pmml' has no options; the descriptor gives signature"):
        run(checker, b"<PMML/>", replace(DESCRIPTOR, model_type="pmml", options={"signature": "x"}))


def test_a_cut_model_is_refused(checker: ProcessChecker) -> None:
    with pytest.raises(ModelFormatError, match="not a sound TensorFlow graph"):
        run(checker, CONTENT[:-3])


def test_a_model_that_ends_its_process_is_refused(checker: ProcessChecker) -> None:
    graph = begin()
    add(graph, "Abort", "end")
    add(graph, "Identity", "y", ["x", "^end"], T=FLOAT)
    with pytest.raises(UnsupportedError, match="node 'end' is of the operation Abort, which reaches out"):
        run(checker, graph.SerializeToString())


def test_a_model_that_asks_for_64_gib_meets_the_limit_of_memory(checker: ProcessChecker) -> None:
    graph = begin()
    constant(graph, "half", [2**17], INT32)
    add(graph, "ConcatV2", "shape", ["half", "half", "along"], T=INT32, Tidx=INT32)
    graph.node[-1].attr["N"].i = 2
    add(graph, "Const", "along", dtype=INT32, value=pb.TensorProto(dtype=INT32, tensor_shape=shape_of(), int_val=[0]))
    constant(graph, "axis", [0, 1], INT32)
    add(graph, "Sum", "one", ["x", "axis"], T=FLOAT, Tidx=INT32)
    add(graph, "BroadcastTo", "big", ["one", "shape"], T=FLOAT, Tidx=INT32)
    add(graph, "Sum", "all", ["big", "axis"], T=FLOAT, Tidx=INT32)
    add(graph, "AddV2", "y", ["x", "all"], T=FLOAT)
    with pytest.raises(LimitError, match="memory"):
        run(checker, graph.SerializeToString())


@pytest.mark.timeout(300)
def test_a_model_that_never_ends_meets_the_limit_of_time() -> None:
    graph = begin()
    for name in ("more", "again"):
        function = pb.FunctionDef(signature=pb.OpDef(name=name))
        function.signature.input_arg.add(name="v", type=FLOAT)
        output = "true" if name == "more" else "v"
        function.signature.output_arg.add(name="w", type=pb.DT_BOOL if name == "more" else FLOAT)
        if name == "more":
            value = pb.TensorProto(dtype=pb.DT_BOOL, tensor_shape=shape_of(), bool_val=[True])
            value.tensor_shape.SetInParent()
            add(function, "Const", "true", dtype=pb.DT_BOOL, value=value)
        function.ret["w"] = "true:output:0" if output == "true" else "v"
        graph.library.function.append(function)
    types = {"T": [FLOAT], "cond": pb.NameAttrList(name="more"), "body": pb.NameAttrList(name="again")}
    add(graph, "While", "y", ["x"], **types)
    checker = ProcessChecker(LoadOptions(cpu_seconds=5, memory_bytes=2**30, wall_seconds=240))
    with closing(checker), pytest.raises(LimitError, match="more than 5 s of CPU time"):
        run(checker, graph.SerializeToString())
