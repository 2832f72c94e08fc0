"""How the values of fields spread over the bins of a profile, and how far that is from what the profile says.

Rules:

1. A version is counted only where its publication brought a profile. Its bins are the profile's, so that what two
   instances count adds up, and what is kept is bounded by the profile.
2. Counted is what was scored: a row's fields as they came in the record, and the outputs that left. So the counts equal
   a recount of records and results.
3. Rows wait until there are ``MOST``, or until somebody wants to know: many small batches cost no more than a large
   one, and nothing is counted while a batch is being timed.
4. A field that a batch does not have, or whose values are no single numbers or texts, is not counted in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.binding import fold
from headrace.core.batches import concatenate

if TYPE_CHECKING:
    import numpy.typing as npt

    from headrace.records import FieldProfile, Int64Array

MOST = 4_000
_FEW = 16
_HALF = 0.5

Spread = list[list[int]]
"""Counts by bin, for each field of a profile in its order; empty before anything was counted."""


@dataclass(slots=True, eq=False)
class Sample:
    """Rows that one version scored: the fields of the records, and the outputs."""

    profile: tuple[FieldProfile, ...]
    columns: pa.RecordBatch
    outputs: pa.RecordBatch
    _spread: Spread | None = None

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    @property
    def spread(self) -> Spread:
        """Its counts, made once for all who add them up."""
        if self._spread is None:
            self._spread = count_rows(self.profile, self.columns, self.outputs)
        return self._spread


@dataclass(slots=True, eq=False)
class Samples:
    """Samples that wait to be counted."""

    waiting: list[Sample] = field(default_factory=list)
    rows: int = 0

    def add(self, sample: Sample, spread: Spread) -> None:
        """Take in a sample; ``spread`` is what is counted into once there are enough."""
        self.waiting.append(sample)
        self.rows += len(sample)
        if self.rows >= MOST:
            self.settle(spread)

    def settle(self, spread: Spread) -> None:
        """Count all that waits."""
        if not self.waiting:
            return
        waiting, self.waiting, self.rows = self.waiting, [], 0
        for each in _unite(waiting):
            add_spread(spread, each.spread)


def _unite(samples: list[Sample]) -> list[Sample]:
    """Put samples of the same columns together."""
    alike: dict[tuple[pa.Schema, pa.Schema], list[Sample]] = {}
    for each in samples:
        alike.setdefault((each.columns.schema, each.outputs.schema), []).append(each)
    return [
        group[0]
        if len(group) == 1
        else Sample(
            group[0].profile,
            concatenate([each.columns for each in group]),
            concatenate([each.outputs for each in group]),
        )
        for group in alike.values()
    ]


def add_spread(into: Spread, other: Spread) -> None:
    """Add counts up; an empty list has counted nothing."""
    if not other:
        return
    if not into:
        into.extend(list(counts) for counts in other)
        return
    for mine, counts in zip(into, other, strict=True):
        mine[:] = [one + more for one, more in zip(mine, counts, strict=True)]


def count_rows(profile: Sequence[FieldProfile], columns: pa.RecordBatch, outputs: pa.RecordBatch) -> Spread:
    """Count the values of each field of a profile by its bins."""
    return [_count_field(each, outputs if each.output else columns).tolist() for each in profile]


def _count_field(profile: FieldProfile, columns: pa.RecordBatch) -> Int64Array:
    place = columns.schema.get_field_index(profile.name)
    if place < 0:
        wanted = fold(profile.name)
        place = next((at for at, name in enumerate(columns.schema.names) if fold(name) == wanted), -1)
    if place < 0 or not _is_plain(columns.schema.types[place]):
        return np.zeros(profile.bins, dtype=np.int64)
    column = columns.column(place)
    if 0 < len(profile.edges) <= _FEW:
        return _count_by_edges(profile, column)
    return np.bincount(find_bins(profile, column), minlength=profile.bins)


def _count_by_edges(profile: FieldProfile, column: pa.Array) -> Int64Array:
    """Count by comparing all values with each edge: for few edges several times faster than looking for each bin."""
    numbers = _read_numbers(column)
    counts = np.zeros(profile.bins, dtype=np.int64)
    if numbers is None:
        counts[-1] = len(column)
        return counts
    reached = [len(numbers) - np.count_nonzero(np.isnan(numbers))]
    reached += [np.count_nonzero(numbers >= edge) for edge in profile.edges]
    counts[:-2] = -np.diff(reached)
    counts[-2:] = reached[-1], len(numbers) - reached[0]
    return counts


def _read_numbers(column: pa.Array) -> npt.NDArray[np.float64] | None:
    """Read a column as numbers, missing ones as NaN; None where it holds something else."""
    try:
        numbers: npt.NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        return None
    return numbers


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
    return bool(
        pa.types.is_floating(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_null(kind)
    )


def find_bins(profile: FieldProfile, column: pa.Array) -> Int64Array:
    """Find the bin of each value of a column. The last bin is for what is missing, or is no number where one should."""
    missing = profile.bins - 1
    if profile.values:
        texts = column.cast(pa.string())
        found = pc.fill_null(pc.index_in(texts, pa.array(profile.values, pa.string())), missing - 1)
        bins: Int64Array = pc.if_else(texts.is_null(), missing, found).to_numpy(zero_copy_only=False)
        return bins.astype(np.int64)
    numbers = _read_numbers(column)
    if numbers is None:
        return np.full(len(column), missing, dtype=np.int64)
    bins = np.searchsorted(np.asarray(profile.edges), numbers, side="right")
    bins[np.isnan(numbers)] = missing
    return bins


def measure_shift(expected: Sequence[int], actual: Sequence[int]) -> float | None:
    """Give the population stability index between two lists of counts by the same bins; None before anything counted.

    Half a count is added to each bin, so that an empty one weighs as little as it is worth. 0 is no shift at all; below
    0.1 is usually called steady, from 0.25 on drifted.
    """
    if not sum(actual) or len(expected) != len(actual):
        return None
    weights = [sum(counts) + _HALF * len(counts) for counts in (expected, actual)]
    shift = 0.0
    for one, other in zip(expected, actual, strict=True):
        was, now = (one + _HALF) / weights[0], (other + _HALF) / weights[1]
        shift += (now - was) * math.log(now / was)
    return shift


def measure_drift(profile: Sequence[FieldProfile], spread: Spread) -> list[float | None]:
    """Measure how far each field of a profile has drifted; None where none of its values was seen yet."""
    found = complete_spread(profile, spread)
    return [measure_shift(each.counts, counts) for each, counts in zip(profile, found, strict=True)]


def complete_spread(profile: Sequence[FieldProfile], spread: Spread) -> Spread:
    """Give counts for every field of a profile: zeros where nothing was counted, or by another profile.

    An instance may know what another one has counted before it knows by what.
    """
    alike = [len(counts) for counts in spread] == [each.bins for each in profile]
    return spread if alike else [[0] * each.bins for each in profile]


def summarise_drift(profile: Sequence[FieldProfile], spread: Spread) -> dict[str, dict[str, float]] | None:
    """Give the drift of inputs and of outputs by name; None without a profile."""
    if not profile:
        return None
    shifts = [(each, shift) for each, shift in zip(profile, measure_drift(profile, spread), strict=True)]
    return {
        side: {each.name: shift for each, shift in shifts if shift is not None and each.output is output}
        for side, output in (("inputs", False), ("outputs", True))
    }
