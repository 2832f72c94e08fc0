import datetime as dt
import math

import pyarrow as pa

from headrace.wire.proto import headrace_pb2 as pb
from headrace.wire.results import encode_protobuf
from tests.wire.results.outcomes import results_of


def test_each_result_is_a_message() -> None:
    messages = [pb.ScoringResult.FromString(value) for value in encode_protobuf(results_of()).to_pylist()]
    number = pb.Value(number=0.5)

    assert messages[0] == pb.ScoringResult(
        id="wine/2/10",
        key=b"k",
        data_type="wine",
        slot="blue",
        model="tree",
        version="1",
        digest="a" * 64,
        position=7,
        scored_at=1_700_000_000_000,
        score_ns=100,
        source="wine",
        partition=2,
        offset=10,
        outputs=[
            pb.Output(name="quality", value=pb.Value(integer=5)),
            pb.Output(name="p(5)", value=number),
            pb.Output(name="label", value=pb.Value(text="good")),
        ],
    )
    assert [True, False, True] == [message.HasField("key") for message in messages]
    assert not messages[1].outputs[0].HasField("value")
    assert math.isnan(messages[1].outputs[1].value.number)
    assert messages[2].version == "2"


def test_values_of_every_kind() -> None:
    outputs = pa.record_batch(
        {
            "flag": pa.array([True, False, None]),
            "data": pa.array([b"x", b"", None]),
            "list": pa.array([[1.5, None], [], None]),
            "day": pa.array([dt.date(2020, 1, 2), None, None]),
        }
    )
    first = pb.ScoringResult.FromString(encode_protobuf(results_of(outputs))[0].as_py())
    values = [output.value for output in first.outputs]

    assert [
        pb.Value(flag=True),
        pb.Value(data=b"x"),
        pb.Value(list=pb.Values(values=[pb.Value(number=1.5), pb.Value()])),
        pb.Value(text="2020-01-02"),
    ] == values


def test_a_model_without_outputs() -> None:
    empty = pa.RecordBatch.from_arrays([], schema=pa.schema([]))

    assert 3 == len(encode_protobuf(results_of(empty, keys=None)))
