import msgspec
import numpy as np
import pytest

from headrace.abc.model import Prepared
from headrace.errors import LimitError, ModelFormatError, RecordError, VerificationError
from headrace.loading.checking import Checked, Timings
from headrace.loading.frames import Frame, GarbledError
from headrace.loading.messages import (
    Array,
    Failed,
    Request,
    Verdict,
    decode,
    make_failed,
    make_request,
    make_verdict,
    read_failed,
    read_verdict,
)
from headrace.records import Descriptor, Field, GoldenRecord, Signature

SIGNATURE = Signature((Field("x", "double", (2,)),), (Field("y", "string", required=False),))
CONTENT = bytes(range(8))


def make_frame(values: object, buffers: list[bytes] | None = None) -> Frame:
    encoded = msgspec.Raw(msgspec.msgpack.encode(values))
    return Frame("any", encoded, [np.frombuffer(buffer, np.uint8).copy() for buffer in buffers or []])


def make_checked(**arrays: np.typing.NDArray[np.generic]) -> Checked:
    return Checked(Prepared({"a": [1.5, None]}, arrays), "fake", SIGNATURE, Timings(1, 2, 3), 4)


def test_a_request_leaves_the_bytes_out() -> None:
    golden = (GoldenRecord({"x": 1.5}, {"y": "a", "z": None}),)
    descriptor = Descriptor("m", "t", content=CONTENT, golden=golden, mapping={"x": ("a", "b")})
    request = decode(make_frame(make_request(descriptor)), Request)
    assert request.descriptor.content is None
    assert request.descriptor.golden == golden
    assert request.descriptor.mapping == {"x": ("a", "b")}


def test_arrays_of_every_kind_arrive() -> None:
    arrays = {
        "plane": np.arange(6, dtype=">f4").reshape(2, 3),
        "turned": np.arange(6, dtype=np.int16).reshape(2, 3).T,
        "texts": np.array(["a", "bc"]),
        "flags": np.array([True, False]),
        "empty": np.zeros((0, 3)),
        "scalar": np.array(1.5),
    }
    verdict, buffers = make_verdict(make_checked(**arrays), CONTENT)
    checked = read_verdict(make_frame(verdict, [bytes(buffer) for buffer in buffers]), CONTENT)
    assert checked.signature == SIGNATURE
    assert checked.timings == Timings(1, 2, 3)
    assert checked.prepared.plan == {"a": [1.5, None]}
    assert set(arrays) == set(checked.prepared.arrays)
    for name, array in arrays.items():
        received = checked.prepared.arrays[name]
        assert array.dtype == received.dtype
        assert array.shape == received.shape
        assert np.array_equal(array, received)
        assert received.flags.writeable


def test_the_model_s_own_bytes_are_not_sent_back() -> None:
    verdict, buffers = make_verdict(make_checked(model=np.frombuffer(CONTENT, np.uint8)), CONTENT)
    assert buffers == []
    checked = read_verdict(make_frame(verdict), CONTENT)
    assert checked.prepared.arrays["model"].tobytes() == CONTENT


@pytest.mark.parametrize(
    ("dtype", "shape", "buffer"),
    [("O", [1], 0), ("<f8", [2], 0), ("<f8", [1], 1), ("<f8", [1], -2), ("nonsense", [1], 0), ("V8", [1], 0)],
)
def test_arrays_that_do_not_fit_are_not_believed(dtype: str, shape: list[int], buffer: int) -> None:
    verdict = Verdict("fake", SIGNATURE, Timings(), 0, {}, [Array("a", dtype, shape, buffer)])
    with pytest.raises(GarbledError):
        read_verdict(make_frame(verdict, [bytes(8)]), CONTENT)


def test_a_verdict_that_is_none() -> None:
    with pytest.raises(GarbledError, match="is not a Verdict"):
        read_verdict(make_frame({"format": 1}), CONTENT)


@pytest.mark.parametrize("error", [VerificationError("golden record 1"), LimitError("memory")])
def test_errors_keep_their_kind_and_message(error: Exception) -> None:
    assert isinstance(error, VerificationError | LimitError)
    read = read_failed(make_frame(make_failed(error)))
    assert type(error) is type(read)
    assert str(error) == str(read)


def test_an_error_of_another_kind_is_one_of_the_bytes() -> None:
    assert isinstance(read_failed(make_frame(make_failed(RecordError("x")))), ModelFormatError)


@pytest.mark.parametrize("name", ["SystemExit", "HeadraceError", ""])
def test_errors_that_no_check_raises_are_not_believed(name: str) -> None:
    with pytest.raises(GarbledError, match="an error of the kind"):
        read_failed(make_frame(Failed(name, "message")))
