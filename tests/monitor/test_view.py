"""Views merge, and series tell what happened between two of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.monitor.series import POINTS, Series
from headrace.monitor.view import CountView, PartitionView, SlotView, View, merge_timings, merge_views
from tests.monitor.stillness import make_version

TIMES = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 2**40)), max_size=10)


def make_view(at: int, times: Sequence[tuple[int, int]], position: int = 0, skipped: int = 0) -> View:
    version = make_version(position, times)
    counts = CountView(version.records + skipped, version.records, 0, skipped)
    slot = SlotView(
        data_type="wine", slot="", mode="ready", active=True, pinned=False, serving=position, staged=None, counts=counts
    )
    return View(
        at=at, position=position, slots=(slot,), versions=(version,), partitions=(PartitionView("r", at, 1, 0),)
    )


@given(st.lists(TIMES, min_size=1, max_size=4))
def test_views_of_instances_add_up(parts: list[list[tuple[int, int]]]) -> None:
    merged = merge_views([make_view(at, times) for at, times in enumerate(parts)])
    together = make_view(0, [each for times in parts for each in times])
    (version,) = merged.versions
    assert together.versions[0].timing == version.timing
    assert together.total == merged.total
    assert list(range(len(parts))) == [each.partition for each in merged.partitions]


def test_merging_changes_no_view() -> None:
    one, other = make_view(1, [(1, 10)]), make_view(2, [(2, 20)], position=3)
    merged = merge_views([one, other])
    assert (make_view(1, [(1, 10)]), make_view(2, [(2, 20)], position=3)) == (one, other)
    assert ([0, 3], 3, 2) == ([each.position for each in merged.versions], merged.slots[0].serving, merged.at)


def test_nothing_to_merge() -> None:
    with pytest.raises(ValueError, match="unpack"):
        merge_views([])


@given(TIMES, TIMES)
def test_a_point_tells_what_came_between(before: list[tuple[int, int]], then: list[tuple[int, int]]) -> None:
    series = Series()
    series.add(make_view(1_000, before), 1_000)
    series.add(make_view(2_000, [*before, *then]), 2_000)
    (point,) = series.points
    gained = merge_timings([make_version(times=then).timing])
    assert gained.count == point["scored"] == point["slots"][0]["scored"]
    told = point["slots"][0]["p50_ns"]
    exact = gained.quantile(0.5)
    assert (told is None) == (exact is None)
    if told is not None and exact is not None:
        assert abs(told - exact) <= exact / 8 + 1


def test_rates_are_by_the_time_between_the_views() -> None:
    series = Series()
    series.add(make_view(1_000, []), 1_100)
    series.add(make_view(1_500, [(100, 5)], skipped=10), 2_100)
    (point,) = series.points
    assert (220.0, 200.0, 20.0) == (point["in"], point["scored"], point["skipped"])
    series.add(make_view(9_500, [(104, 5)], skipped=10), 3_100)
    assert 4.0 == series.since(2_100)[0]["scored"]


def test_counting_begins_with_the_first_view() -> None:
    series = Series()
    series.add(View(at=0, position=-1), 500)
    series.add(make_view(1_000, [(1_000, 5)]), 1_500)
    assert [] == list(series.points)


def test_the_last_quarter_of_an_hour_is_kept() -> None:
    series = Series()
    for second in range(1, POINTS + 10):
        series.add(make_view(second, []), second * 1_000)
    assert (POINTS, (POINTS + 9) * 1_000) == (len(series.points), series.points[-1]["at"])
