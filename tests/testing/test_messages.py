import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.testing.messages import mutate_message, read_message, write_message

GRAPH = pb.GraphDef(node=[pb.NodeDef(name="x", op="Placeholder"), pb.NodeDef(name="y", op="Neg", input=["x"])])
FIELDS = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 2**20), st.just(0), st.integers(0, 2**64 - 1)),
        st.tuples(st.integers(1, 2**20), st.just(2), st.binary(max_size=200)),
        st.tuples(st.integers(1, 2**20), st.just(1), st.binary(min_size=8, max_size=8)),
        st.tuples(st.integers(1, 2**20), st.just(5), st.binary(min_size=4, max_size=4)),
    )
)


@given(FIELDS)
def test_what_is_written_is_read(fields: list[tuple[int, int, int | bytes]]) -> None:
    assert fields == read_message(write_message(fields))


@pytest.mark.parametrize("content", [b"\x00", b"\x0a", b"\x0a\x05ab", b"\x0b", b"\x08", b"\x08\xff", b"\x09abc"])
def test_what_is_no_message_is_told(content: bytes) -> None:
    assert read_message(content) is None


def test_most_mutants_of_a_message_are_messages_and_differ() -> None:
    content = GRAPH.SerializeToString()
    made = [mutate_message(random.Random(number), content, bytes.swapcase) for number in range(200)]
    assert made == [mutate_message(random.Random(number), content, bytes.swapcase) for number in range(200)]
    assert sum(read_message(each) is not None for each in made) == 200
    assert len(set(made)) > 50


@given(st.binary(max_size=60), st.integers())
def test_bytes_of_any_kind_have_mutants(content: bytes, seed: int) -> None:
    assert isinstance(mutate_message(random.Random(seed), content, bytes.swapcase), bytes)
