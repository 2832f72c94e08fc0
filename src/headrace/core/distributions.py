"""How what a model gave is distributed, where nothing says beforehand what to expect.

Rules:

1. Fractions are counted by buckets of fixed bounds, eight to each power of two on either side of zero; whole numbers
   and texts by value, up to ``VALUES`` of them. So what two instances count adds up.
2. Looked at are up to ``MOST`` rows between two moments at which somebody wants to know, such as commits: that costs
   the same whatever comes in, and a small stream is counted wholly. Up to ``FEW`` values are counted one by one, which
   takes less than setting up whole columns.
3. An output that is no single number or text is not counted.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.core.batches import concatenate

if TYPE_CHECKING:
    import numpy.typing as npt

MOST = 4_000
FEW = 48
VALUES = 32
BINS = 12
ZERO = 1.125 * 2.0**-40
"""What is nearer to zero than this, the end of the lowest bucket, counts as zero."""

_SHIFT = np.int64(49)
_LOWEST = np.int64((1023 - 40) << 3)
"""The bucket of 2 to the power of -40, which what is nearer to zero shares: all of it counts as zero."""
_HIGHEST = np.int64((2046 << 3) + 7) - _LOWEST
"""The bucket of the greatest numbers, which the infinite ones share."""


@dataclass(slots=True)
class Distribution:
    """Counts of the values of one output: ``numbers`` by bucket, ``texts`` by value, ``other`` texts, ``missing``."""

    numbers: dict[int, int] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    other: int = 0
    missing: int = 0

    @property
    def records(self) -> int:
        """How many values were looked at."""
        return sum(self.numbers.values()) + sum(self.texts.values()) + self.other + self.missing

    def add(self, more: Distribution) -> None:
        """Add another's counts."""
        self.other += more.other
        self.missing += more.missing
        for bucket, count in more.numbers.items():
            self.numbers[bucket] = self.numbers.get(bucket, 0) + count
        for value, count in more.texts.items():
            self.texts[value] = self.texts.get(value, 0) + count
        if len(self.texts) > VALUES:
            ranked = sorted(self.texts.items(), key=lambda each: (-each[1], each[0]))
            self.texts = dict(ranked[:VALUES])
            self.other += sum(count for _, count in ranked[VALUES:])

    def name_bins(self) -> list[tuple[str, int]]:
        """Give bins for people to read, in the order of the values, and how many records are in each."""
        bins = [*_join_buckets(self.numbers), *sorted(self.texts.items(), key=_by_value)]
        return [*bins, *((name, count) for name, count in (("other", self.other), ("missing", self.missing)) if count)]


@dataclass(slots=True, eq=False)
class Glimpse:
    """Outputs that wait to be counted."""

    waiting: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0

    @property
    def full(self) -> bool:
        """Whether enough rows wait."""
        return self.rows >= MOST

    def add(self, outputs: pa.RecordBatch) -> None:
        """Take in as many rows as there is room for."""
        if self.full:
            return
        taken = outputs if outputs.num_rows <= MOST else outputs.slice(0, MOST)
        self.waiting.append(taken)
        self.rows += taken.num_rows

    def settle(self, into: dict[str, Distribution]) -> None:
        """Count all that waits."""
        waiting, self.waiting, self.rows = self.waiting, [], 0
        for _, alike in groupby(waiting, key=lambda each: each.schema):
            add_distributions(into, count_outputs(concatenate(list(alike))))


def add_distributions(into: dict[str, Distribution], more: Mapping[str, Distribution]) -> None:
    """Add up the distributions of outputs by name."""
    for name, each in more.items():
        into.setdefault(name, Distribution()).add(each)


def count_outputs(outputs: pa.RecordBatch) -> dict[str, Distribution]:
    """Count the values of each output that has single ones."""
    found = {}
    for name, given in zip(outputs.schema.names, outputs.columns, strict=True):
        column = given.cast(given.type.value_type) if pa.types.is_dictionary(given.type) else given
        kind = column.type
        if not (pa.types.is_floating(kind) or pa.types.is_null(kind) or _has_values(kind)):
            continue
        if len(column) <= FEW:
            found[name] = _count_one_by_one(column.to_pylist())
        elif pa.types.is_floating(kind):
            found[name] = _count_numbers(column)
        else:
            found[name] = _count_texts(column)
    return found


def _has_values(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
    )


def _count_one_by_one(values: list[object]) -> Distribution:
    found = Distribution()
    for value in values:
        if value is None or value != value:  # noqa: PLR0124 (NaN alone is not itself)
            found.missing += 1
        elif isinstance(value, float):
            bucket = find_bucket(value)
            found.numbers[bucket] = found.numbers.get(bucket, 0) + 1
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            found.texts[text] = found.texts.get(text, 0) + 1
    return found


def _count_texts(column: pa.Array) -> Distribution:
    found = Distribution()
    counted = pc.value_counts(column.drop_null())
    texts = counted.field("values").cast(pa.string()).to_pylist()
    counts = counted.field("counts").to_pylist()
    found.add(Distribution(texts=dict(zip(texts, counts, strict=True)), missing=column.null_count))
    return found


def _count_numbers(column: pa.Array) -> Distribution:
    values: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    there = values[~np.isnan(values)]
    buckets, counts = np.unique(find_buckets(there), return_counts=True)
    return Distribution(dict(zip(buckets.tolist(), counts.tolist(), strict=True)), missing=len(values) - len(there))


def find_buckets(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Find the bucket of each number, none of them NaN: 0 about zero, below it negative."""
    sizes = np.clip((np.abs(values).view(np.int64) >> _SHIFT) - _LOWEST, 0, _HIGHEST)
    signed: npt.NDArray[np.int64] = np.where(values < 0, -sizes, sizes)
    return signed


def find_bucket(value: float) -> int:
    """Find the bucket of one number that is not NaN."""
    size = abs(value)
    if size < ZERO:
        return 0
    part, exponent = math.frexp(min(size, sys.float_info.max))  # a part of a half to one
    bucket = ((exponent + 39) << 3) + int(part * 16 - 8)
    return bucket if value > 0 else -bucket


def bound_bucket(bucket: int) -> tuple[float, float]:
    """Give the bounds of a bucket, the lower one first; those of 0 are both 0."""
    if not bucket:
        return 0.0, 0.0
    ends = ((np.array([abs(bucket), abs(bucket) + 1]) + _LOWEST) << _SHIFT).view(np.float64)
    near, far = float(ends[0]), float(ends[1])
    return (near, far) if bucket > 0 else (-far, -near)


def _join_buckets(numbers: Mapping[int, int]) -> Iterable[tuple[str, int]]:
    """Give few buckets as they are, and many as bins of the same width."""
    bounds = {bucket: bound_bucket(bucket) for bucket in sorted(numbers)}
    if len(bounds) <= BINS:
        return [(_name(*bounds[bucket]), numbers[bucket]) for bucket in bounds]
    low, high = min(one for one, _ in bounds.values()), max(other for _, other in bounds.values())
    if not np.isfinite(high - low):
        return [(_name(*bounds[bucket]), numbers[bucket]) for bucket in bounds]
    width = (high - low) / BINS
    counts = [0] * BINS
    for bucket, (one, other) in bounds.items():
        counts[min(BINS - 1, int(((one + other) / 2 - low) / width))] += numbers[bucket]
    return [(_name(low + place * width, low + (place + 1) * width), count) for place, count in enumerate(counts)]


def _name(low: float, high: float) -> str:
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _by_value(each: tuple[str, int]) -> tuple[float, str]:
    """Put texts that are whole numbers in the order of these, after them the others by spelling."""
    text = each[0]
    return (float(text) if text.lstrip("-").isdecimal() else float("inf")), text
