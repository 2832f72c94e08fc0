"""Widened thresholds decide as single-precision ones do."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.export.sklearn_pmml.thresholds import widen_thresholds

ordinary = st.floats(min_value=-1e30, max_value=1e30)


def decide_in_single(value: float, threshold: float) -> bool:
    return bool(np.float64(np.float32(value)) <= threshold)


@given(ordinary)
def test_the_widened_threshold_is_the_last_double_that_passes(threshold: float) -> None:
    widened = widen_thresholds(np.array([threshold]))[0]
    decisions = [decide_in_single(value, threshold) for value in (widened, np.nextafter(widened, np.inf))]
    assert [True, False] == decisions


@given(ordinary, st.integers(-3, 3))
def test_values_next_to_the_threshold_decide_the_same(threshold: float, steps: int) -> None:
    value = float(np.nextafter(np.float32(threshold), np.float32(np.inf))) + steps * np.spacing(threshold)
    assert decide_in_single(value, threshold) == bool(value <= widen_thresholds(np.array([threshold]))[0])


def test_a_tie_goes_to_the_even_single() -> None:
    even, odd = np.float32(1.0), np.nextafter(np.float32(1.0), np.float32(2.0))
    midpoint = (float(even) + float(odd)) / 2
    beyond_odd = (float(odd) + float(np.nextafter(odd, np.float32(2.0)))) / 2
    expected = [midpoint, np.nextafter(beyond_odd, 0.0)]
    assert expected == widen_thresholds(np.array([float(even), float(odd)])).tolist()


def test_an_infinite_threshold_stays() -> None:
    assert [np.inf] == widen_thresholds(np.array([np.inf])).tolist()
