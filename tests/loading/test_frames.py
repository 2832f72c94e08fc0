import math
import os
import struct
import threading
import time
from collections.abc import Iterator
from types import MappingProxyType

import msgspec
import numpy as np
import pytest

from headrace.loading.frames import Channel, EndedError, GarbledError, LateError

Pair = tuple[Channel, Channel]


@pytest.fixture
def pair() -> Iterator[Pair]:
    (left_in, right_out), (right_in, left_out) = os.pipe(), os.pipe()
    both = Channel(left_in, left_out), Channel(right_in, right_out)
    yield both
    for channel in both:
        channel.close()


@pytest.fixture
def raw() -> Iterator[tuple[int, Channel]]:
    """A channel, and the end of the pipe that it reads from, to write anything into."""
    (reads, writes), (unused, answers) = os.pipe(), os.pipe()
    channel = Channel(reads, answers)
    yield writes, channel
    channel.close()
    os.close(unused)


def test_a_frame_arrives_as_it_was_sent(pair: Pair) -> None:
    left, right = pair
    values = {"a": [1, 2.5, None, "x"], "infinite": math.inf, "bytes": b"\0"}
    left.send("kind", values, [memoryview(b"abc"), memoryview(b""), np.arange(3, dtype=np.uint8).data])
    frame = right.receive(6)
    assert frame.kind == "kind"
    assert values == msgspec.msgpack.decode(frame.values)
    assert [b"abc", b"", b"\0\1\2"] == [buffer.tobytes() for buffer in frame.buffers]


def test_a_mapping_that_cannot_be_changed_arrives_as_a_dict(pair: Pair) -> None:
    left, right = pair
    left.send("kind", {"options": MappingProxyType({"a": "b"})})
    assert {"options": {"a": "b"}} == msgspec.msgpack.decode(right.receive(0).values)


def test_nan_arrives(pair: Pair) -> None:
    pair[0].send("kind", math.nan)
    assert math.isnan(msgspec.msgpack.decode(pair[1].receive(0).values))


def test_a_buffer_larger_than_the_pipe_arrives(pair: Pair) -> None:
    left, right = pair
    large = np.random.default_rng(0).integers(0, 255, 5 * 2**20, dtype=np.uint8)
    sender = threading.Thread(target=left.send, args=("kind", None, [large.data]))
    sender.start()
    (received,) = right.receive(large.nbytes).buffers
    sender.join()
    assert np.array_equal(large, received)


def test_more_bytes_than_allowed_are_not_read(pair: Pair) -> None:
    pair[0].send("kind", None, [memoryview(b"abc")])
    with pytest.raises(GarbledError, match="announces 3 bytes, more than 2"):
        pair[1].receive(2)


def test_a_deadline_ends_waiting(pair: Pair) -> None:
    with pytest.raises(LateError):
        pair[0].receive(0, deadline=time.monotonic() + 0.01)
    with pytest.raises(LateError):
        pair[0].send("kind", None, [memoryview(bytes(8 * 2**20))], deadline=time.monotonic() + 0.01)


def test_the_end_of_the_other_side(raw: tuple[int, Channel]) -> None:
    writes, channel = raw
    os.write(writes, b"HRF1")
    os.close(writes)
    with pytest.raises(EndedError):
        channel.receive(0)


HEAD = msgspec.msgpack.encode({"kind": "k", "values": None, "sizes": [-1]})


@pytest.mark.parametrize(
    "sent",
    [
        b"this is no frame",
        struct.pack("<4sI", b"HRF1", 2**31),
        struct.pack("<4sI", b"HRF1", 4) + b"\xc1\xc1\xc1\xc1",
        struct.pack("<4sI", b"HRF1", len(HEAD)) + HEAD,
    ],
)
def test_what_is_no_frame(raw: tuple[int, Channel], sent: bytes) -> None:
    writes, channel = raw
    os.write(writes, sent)
    os.close(writes)
    with pytest.raises(GarbledError):
        channel.receive(100)
