"""ONNX models through the airlock, those of reliability's hostile kind among them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from headrace.errors import LimitError, ModelFormatError, VerificationError
from headrace.loading import LoadOptions, ProcessChecker
from headrace.loading.checking import Checked
from headrace.records import Descriptor, GoldenRecord
from tests.formats.onnx.building import build, build_sum

pytestmark = pytest.mark.slow

CONTENT = build_sum().SerializeToString()
DESCRIPTOR = Descriptor("sum", "numbers")
RECORD = {"Width": 1, "name": "x", "height": 2.5, "depth": 3}


@pytest.fixture(scope="module")
def checker() -> Iterator[ProcessChecker]:
    checker = ProcessChecker(LoadOptions(cpu_seconds=2, memory_bytes=2**30))
    yield checker
    checker.close()


def run(checker: ProcessChecker, content: bytes, descriptor: Descriptor = DESCRIPTOR) -> Checked:
    return checker.check(content, descriptor, lambda stage: None)


def test_golden_records_become_the_one_tensor(checker: ProcessChecker) -> None:
    checked = run(checker, CONTENT, replace(DESCRIPTOR, golden=(GoldenRecord(RECORD, {"total": 6.5}),)))
    assert checked.format == "onnx"
    assert checked.prepared.arrays["model"].tobytes() == CONTENT
    with pytest.raises(VerificationError, match=r"golden record 0, output 'total': expected 7, got 6\.5"):
        run(checker, CONTENT, replace(DESCRIPTOR, golden=(GoldenRecord(RECORD, {"total": 7}),)))


def test_a_cut_model_is_refused(checker: ProcessChecker) -> None:
    with pytest.raises(ModelFormatError, match="not a sound ONNX model"):
        run(checker, CONTENT[:60])


def test_a_model_that_never_ends_meets_the_limit_of_time(checker: ProcessChecker) -> None:
    true = numpy_helper.from_array(np.array(True), "true")
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["value"], ["next"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
    )
    node = helper.make_node("Loop", ["", "true", "X"], ["Y"], body=body)
    model = build([node], [("X", TensorProto.FLOAT, [None, 1])], [("Y", TensorProto.FLOAT, [None, 1])], [true])
    with pytest.raises(LimitError, match="more than 2 s of CPU time"):
        run(checker, model.SerializeToString())


def test_a_model_that_asks_for_64_gib_meets_the_limit_of_memory(checker: ProcessChecker) -> None:
    shape = numpy_helper.from_array(np.array([2**14, 2**20], np.int64), "shape")
    node = helper.make_node("Expand", ["X", "shape"], ["Y"])
    model = build([node], [("X", TensorProto.FLOAT, [None, 1])], [("Y", TensorProto.FLOAT, [None, None])], [shape])
    with pytest.raises(LimitError, match="memory"):
        run(checker, model.SerializeToString())
