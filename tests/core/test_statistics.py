"""Counts and scoring times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.statistics import Counts, Timing, bucket_middle, bucket_of

DURATIONS = st.integers(min_value=0, max_value=2**45)
SEGMENTS = st.lists(st.tuples(st.integers(1, 1_000), DURATIONS), min_size=1, max_size=40)


def timing_of(segments: list[tuple[int, int]]) -> Timing:
    timing = Timing()
    for rows, each_ns in segments:
        timing.add(rows, each_ns)
    return timing


@given(DURATIONS)
def test_a_bucket_is_off_by_at_most_one_part_in_sixteen(duration: int) -> None:
    assert abs(bucket_middle(bucket_of(duration)) - duration) <= duration / 16


@given(DURATIONS, DURATIONS)
def test_buckets_keep_the_order(one: int, other: int) -> None:
    assert (one <= other) <= (bucket_of(one) <= bucket_of(other))


@given(SEGMENTS, st.floats(0, 1))
def test_a_quantile_is_off_by_at_most_one_part_in_sixteen(segments: list[tuple[int, int]], share: float) -> None:
    exact = np.sort(np.repeat([each for _, each in segments], [rows for rows, _ in segments]))
    rank = min(len(exact), max(1, int(np.ceil(share * len(exact)))))
    told = timing_of(segments).quantile(share)
    assert told is not None
    assert abs(told - exact[rank - 1]) <= exact[rank - 1] / 16


@given(SEGMENTS)
def test_a_recount_row_by_row_gives_the_same(segments: list[tuple[int, int]]) -> None:
    rows = [(1, each) for rows, each in segments for _ in range(min(rows, 20))]
    assert timing_of([(min(rows, 20), each) for rows, each in segments]) == timing_of(rows)


@given(SEGMENTS, SEGMENTS)
def test_merging_is_counting_together(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    merged = timing_of(one)
    merged.merge(timing_of(other))
    assert timing_of(one + other) == merged


def test_nothing_merged_changes_nothing() -> None:
    timing = timing_of([(3, 50)])
    timing.merge(Timing())
    assert timing_of([(3, 50)]) == timing


def test_totals_are_exact() -> None:
    timing = timing_of([(3, 50), (2, 10), (1, 1_000)])
    assert (6, 1_170, 10, 1_000, 195.0) == (
        timing.count,
        timing.total_ns,
        timing.min_ns,
        timing.max_ns,
        timing.mean_ns,
    )


def test_no_rows_leave_no_trace() -> None:
    assert Timing() == timing_of([(0, 50)])


def test_before_the_first_record_there_is_no_mean_and_no_quantile() -> None:
    assert Timing().mean_ns is None
    assert Timing().quantile(0.5) is None


@pytest.mark.parametrize(("share", "expected"), [(0, 1), (0.25, 1), (0.5, 3), (0.75, 5), (1, 7)])
def test_small_quantiles_are_exact(share: float, expected: int) -> None:
    assert expected == timing_of([(1, 1), (1, 3), (1, 5), (1, 7)]).quantile(share)


def test_counts_add_up_or_they_do_not() -> None:
    assert Counts(5, 2, 2, 1).balanced
    assert not Counts(5, 2, 2, 0).balanced


def test_counts_are_added_field_by_field() -> None:
    counts = Counts(1, 2, 3, 4)
    counts.add(Counts(10, 20, 30, 40))
    assert Counts(11, 22, 33, 44) == counts
