"""Profiles of training data: checked, as members of model messages, and as JSON files.

A file is a JSON object with ``fields``, a list of objects with ``name``, ``edges`` or ``values``, ``counts``, and
``output`` where it is one of the model's outputs (``records.FieldProfile``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from headrace.errors import DescriptorError
from headrace.records import FieldProfile
from headrace.wire.proto import headrace_pb2 as pb

MOST_FIELDS = 500
MOST_BINS = 64
"""Edges or values of a field: what is counted, kept and shown of each model version is bounded by these."""

_GREATEST = 2**63 - 1


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fields: list[FieldProfile]


def check_profile(profile: Sequence[FieldProfile]) -> tuple[FieldProfile, ...]:
    """Give a profile that is sound. Raises ``DescriptorError``."""
    if len(profile) > MOST_FIELDS:
        raise DescriptorError(f"the profile has {len(profile)} fields, and at most {MOST_FIELDS} can be watched")
    seen = set()
    for each in profile:
        what = f"the profile of the {'output' if each.output else 'field'} {each.name!r}"
        if (each.name, each.output) in seen or not each.name:
            raise DescriptorError(f"{what} is there twice, or has no name")
        seen.add((each.name, each.output))
        _check_bins(what, each)
    return tuple(profile)


def _check_bins(what: str, profile: FieldProfile) -> None:
    if bool(profile.edges) == bool(profile.values):
        raise DescriptorError(f"{what} needs edges (of numbers) or values (texts), one of the two")
    if profile.bins - 2 > MOST_BINS:
        raise DescriptorError(f"{what} has {profile.bins - 2} edges or values, and at most {MOST_BINS} are kept")
    finite = all(math.isfinite(edge) for edge in profile.edges)
    if not finite or any(one >= other for one, other in pairwise(profile.edges)):
        raise DescriptorError(f"{what} has edges that do not rise, or are not finite")
    if len(set(profile.values)) < len(profile.values):
        raise DescriptorError(f"{what} has a value twice")
    if len(profile.counts) != profile.bins:
        raise DescriptorError(f"{what} has {len(profile.counts)} counts for {profile.bins} bins")
    if not all(0 <= count <= _GREATEST for count in profile.counts) or not any(profile.counts):
        raise DescriptorError(f"{what} has counts below 0, or counts nothing")


def write_profile(profile: Iterable[FieldProfile]) -> bytes:
    """Write a profile as a file. Raises ``DescriptorError``."""
    return msgspec.json.format(msgspec.json.encode(_File(list(check_profile(list(profile))))), indent=1) + b"\n"


def read_profile(content: bytes) -> tuple[FieldProfile, ...]:
    """Read a file. Raises ``DescriptorError``."""
    try:
        fields = msgspec.json.decode(content, type=_File).fields
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DescriptorError(f"it is no profile as headrace profile makes it: {error}") from error
    return check_profile(fields)


def to_messages(profile: Sequence[FieldProfile]) -> list[pb.FieldProfile]:
    """Write a profile as members of a model message. Raises ``DescriptorError``."""
    return [
        pb.FieldProfile(name=each.name, output=each.output, edges=each.edges, values=each.values, counts=each.counts)
        for each in check_profile(profile)
    ]


def from_messages(messages: Iterable[pb.FieldProfile]) -> tuple[FieldProfile, ...]:
    """Read a profile out of a model message. Raises ``DescriptorError``."""
    return check_profile(
        [
            FieldProfile(each.name, each.output, tuple(each.edges), tuple(each.values), tuple(each.counts))
            for each in messages
        ]
    )
