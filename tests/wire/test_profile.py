"""Profiles as members of model messages and as files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headrace.errors import DescriptorError
from headrace.records import Descriptor, FieldProfile, Publish
from headrace.wire.descriptor import decode_command, encode_command
from headrace.wire.profile import MOST_BINS, MOST_FIELDS, read_profile, write_profile
from headrace.wire.proto import headrace_pb2 as pb

NUMBERS = FieldProfile("alcohol", edges=(9.5, 10.5), counts=(3, 4, 5, 1))
TEXTS = FieldProfile("colour", output=True, values=("red", "white"), counts=(1, 2, 0, 0))


def test_a_publication_brings_its_profile() -> None:
    command = Publish(Descriptor("m", "wine", location="/m", profile=(NUMBERS, TEXTS)))
    assert command == decode_command(encode_command(command))
    assert b"alcohol" in encode_command(command)


def test_whoever_does_not_know_profiles_reads_the_rest() -> None:
    message = pb.ModelDescriptor.FromString(
        encode_command(Publish(Descriptor("m", "wine", location="/m", profile=(NUMBERS,))))
    )
    message.ClearField("profile")
    assert Publish(Descriptor("m", "wine", location="/m")) == decode_command(message.SerializeToString())


def test_files() -> None:
    assert (NUMBERS, TEXTS) == read_profile(write_profile((NUMBERS, TEXTS)))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"fields": 1}', b'{"fields": [{"name": 1}]}', b"[" * 100_000])
def test_files_that_are_none(content: bytes) -> None:
    with pytest.raises(DescriptorError, match="no profile as headrace profile makes it"):
        read_profile(content)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": ""}, "has no name"),
        ({"edges": ()}, "edges .* or values"),
        ({"values": ("a",)}, "one of the two"),
        ({"edges": (2.0, 1.0)}, "do not rise"),
        ({"edges": (1.0, float("inf"))}, "not finite"),
        ({"counts": (1, 2)}, "2 counts for 4 bins"),
        ({"counts": (0, 0, 0, 0)}, "counts nothing"),
        ({"counts": (-1, 1, 1, 1)}, "below 0"),
        ({"edges": tuple(map(float, range(MOST_BINS + 1)))}, "at most 64"),
        ({"edges": (), "values": ("a", "a")}, "a value twice"),
    ],
)
def test_profiles_that_are_refused(changes: dict[str, Any], why: str) -> None:
    wrong = replace(NUMBERS, **changes)
    with pytest.raises(DescriptorError, match=why):
        encode_command(Publish(Descriptor("m", "wine", location="/m", profile=(wrong,))))


def test_fields_are_named_once_and_are_not_too_many() -> None:
    with pytest.raises(DescriptorError, match="twice"):
        write_profile((NUMBERS, NUMBERS))
    with pytest.raises(DescriptorError, match="at most 500"):
        write_profile([replace(NUMBERS, name=str(number)) for number in range(MOST_FIELDS + 1)])
