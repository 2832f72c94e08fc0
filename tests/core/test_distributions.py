"""What outputs come to, counted without anything to expect."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.core.distributions import (
    BINS,
    FEW,
    MOST,
    VALUES,
    ZERO,
    Distribution,
    Glimpse,
    add_distributions,
    bound_bucket,
    count_outputs,
    find_bucket,
    find_buckets,
)


def glimpse(*columns: Any, name: str = "y") -> dict[str, Distribution]:
    """Count batches of one output, at once."""
    seen, found = Glimpse(), dict[str, Distribution]()
    for each in columns:
        seen.add(pa.record_batch({name: each}))
    seen.settle(found)
    return found


@given(st.floats(allow_nan=False))
@example(1e-12)
@example(-ZERO)
def test_a_number_lies_within_its_bucket(number: float) -> None:
    (bucket,) = find_buckets(np.array([number])).tolist()
    assert find_bucket(number) == bucket
    low, high = bound_bucket(bucket)
    if abs(number) < ZERO:
        assert 0 == bucket
    else:
        near, far = sorted((abs(low), abs(high)))
        assert near <= abs(number) < far or math.isinf(number)
        assert math.copysign(1, number) * bucket > 0
        assert far <= near * 1.125


def test_fractions_are_counted_by_bucket_and_others_by_value() -> None:
    found = count_outputs(
        pa.record_batch(
            {
                "score": pa.array([0.5, -0.5, None, math.nan, 0.0]),
                "label": pa.array(["red", "white", "red", None, "red"]).dictionary_encode(),
                "grade": pa.array([10, 9, 9, 9, -1]),
                "good": pa.array([True, False, True, True, True]),
                "vector": pa.array([[1.0]] * 5),
                "nothing": pa.nulls(5),
            }
        )
    )
    assert {"score", "label", "grade", "good", "nothing"} == set(found)
    assert [("-0.5625 to -0.5", 1), ("0", 1), ("0.5 to 0.5625", 1), ("missing", 2)] == found["score"].name_bins()
    assert [("red", 3), ("white", 1), ("missing", 1)] == found["label"].name_bins()
    assert [("-1", 1), ("9", 3), ("10", 1)] == found["grade"].name_bins()
    assert [("false", 1), ("true", 4)] == found["good"].name_bins()
    assert [("missing", 5)] == found["nothing"].name_bins()
    assert {5} == {each.records for each in found.values()}


@given(st.lists(st.lists(st.floats(0, 1) | st.none(), max_size=40), min_size=1, max_size=5))
def test_what_several_counted_adds_up_to_a_recount(parts: list[list[float | None]]) -> None:
    added: dict[str, Distribution] = {}
    for part in parts:
        add_distributions(added, count_outputs(pa.record_batch({"y": pa.array(part, pa.float64())})))
    whole = [value for part in parts for value in part]
    assert count_outputs(pa.record_batch({"y": pa.array(whole, pa.float64())})) == added


def test_values_beyond_the_most_frequent_are_others() -> None:
    texts = [f"v{place:03d}" for place in range(VALUES + 5) for _ in range(2 if place < VALUES else 1)]
    (found,) = glimpse(pa.array(texts)).values()
    assert (VALUES, 5, len(texts)) == (len(found.texts), found.other, found.records)
    assert ("other", 5) == found.name_bins()[-1]


def test_many_buckets_become_bins_of_one_width() -> None:
    (found,) = glimpse(pa.array(np.linspace(0.01, 1, 1000))).values()
    bins = found.name_bins()
    assert (BINS, 1000) == (len(bins), sum(count for _, count in bins))
    assert max(count for _, count in bins) < 200


def test_numbers_without_end_are_shown() -> None:
    (found,) = glimpse(pa.array([math.inf, -math.inf, *np.linspace(1, 100, 50)])).values()
    assert 52 == sum(count for _, count in found.name_bins())


def test_only_so_many_rows_are_looked_at_each_time() -> None:
    seen, found = Glimpse(), dict[str, Distribution]()
    for _ in range(3):
        seen.add(pa.record_batch({"y": np.ones(MOST - 1)}))
    assert seen.full
    seen.settle(found)
    assert 2 * (MOST - 1) == found["y"].records
    seen.add(pa.record_batch({"y": np.ones(2 * MOST)}))
    seen.settle(found)
    assert 3 * MOST - 2 == found["y"].records


@given(st.lists(st.floats() | st.none(), max_size=FEW))
def test_few_values_are_counted_as_many_are(few: list[float | None]) -> None:
    whole = pa.array(few * (FEW + 1), pa.float64())
    added: dict[str, Distribution] = {}
    for _ in range(FEW + 1):
        add_distributions(added, count_outputs(pa.record_batch({"y": pa.array(few, pa.float64())})))
    assert count_outputs(pa.record_batch({"y": whole})) == added


def test_outputs_of_another_type_are_counted_beside() -> None:
    found = glimpse(pa.array([1.5]), pa.array(["a"]), pa.array([1.5]))
    assert [("1.5 to 1.625", 2), ("a", 1)] == found["y"].name_bins()
