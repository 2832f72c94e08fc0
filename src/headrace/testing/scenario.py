"""A model stream and records in partitions, as values: what an engine is given, and what an oracle judges.

``make_scenario`` draws one at random from whatever is a ``random.Random``: the same seed gives the same scenario, and a
property test that hands in a source of choices it controls can make a failing scenario smaller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from headrace.core.settings import JoinSettings
from headrace.errors import ModelFormatError
from headrace.records import Batch, Failure, Group, Raw
from headrace.testing.toymodels import INPUT, Recipe, read_recipe

if TYPE_CHECKING:
    from headrace.records import Descriptor, ModelMessage

SOURCE = "records"
NO_TIME = -(2**63)
OFFSET_STEP = 3
"""Offsets rise by more than one: nothing may take them for row numbers."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its only field, its data type ("" where it cannot be decoded) and its time, if it has one."""

    x: int
    data_type: str
    time: int | None


def digest_of(content: bytes) -> str:
    """Give the digest under which bytes are known."""
    return hashlib.sha256(content).hexdigest()


def offset_of(index: int) -> int:
    """Give the offset of the record at a place of its partition."""
    return index * OFFSET_STEP + 1


def index_of(offset: int) -> int:
    """Give the place in its partition of the record at an offset."""
    return offset // OFFSET_STEP


@dataclass(frozen=True, slots=True)
class Scenario:
    """Settings, a model stream and records. ``contents`` holds model bytes by digest and by location."""

    settings: JoinSettings
    messages: tuple[ModelMessage, ...]
    partitions: tuple[tuple[Row, ...], ...]
    contents: Mapping[str, bytes] = field(default_factory=dict)

    def fetch(self, descriptor: Descriptor) -> bytes:
        """Give a publication's bytes, by digest where they are kept under it."""
        kept = self.contents.get(descriptor.digest) if descriptor.digest else None
        return self.contents[descriptor.location] if kept is None else kept

    def judge(self, descriptor: Descriptor) -> Recipe | str:
        """Give the recipe of a sound model, or why the publication is refused: a verdict on bytes and descriptor alone.

        Whether it fits its slot is not part of it.
        """
        content = self.fetch(descriptor)
        if descriptor.digest and descriptor.digest != digest_of(content):
            return f"the bytes have the digest {digest_of(content)}, not {descriptor.digest}"
        try:
            recipe = read_recipe(content)
        except ModelFormatError as error:
            return str(error)
        for golden in descriptor.golden:
            x = golden.inputs[INPUT]
            if not isinstance(x, int) or recipe.expect(x) != golden.outputs.get(recipe.output):
                return f"a golden record disagrees: {golden}"
        return recipe

    def read(self, partition: int, start: int, count: int) -> Batch:
        """Give records of a partition as a decoded batch."""
        rows = self.partitions[partition][start : start + count]
        offsets = np.array([offset_of(index) for index in range(start, start + len(rows))], dtype=np.int64)
        return make_batch(rows, partition, offsets)


def make_batch(rows: tuple[Row, ...], partition: int, offsets: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Batch:
    """Put rows into a batch, a group for each data type and a failure for each row that has none."""
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.data_type, []).append(place)
    lost = places.pop("", [])
    groups = []
    for data_type, of_type in places.items():
        columns = pa.record_batch({INPUT: pa.array([rows[place].x for place in of_type], pa.int64())})
        groups.append(Group(data_type, np.array(of_type, dtype=np.int64), columns))
    times = None
    if any(row.time is not None for row in rows):
        times = np.array([NO_TIME if row.time is None else row.time for row in rows], dtype=np.int64)
    failures = tuple(Failure(place, "undecodable", "no record") for place in lost)
    return Batch(Raw(SOURCE, partition, offsets), tuple(groups), failures, times=times)
