import datetime as dt
import math

import pytest

from headrace.loading.verification import agree


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1.0, 1.0 + 1.9e-6),
        (1_000_000.0, 1_000_000.9),
        (5, 5.0),
        (math.nan, math.nan),
        (math.inf, math.inf),
        (None, None),
        ("red", "red"),
        (True, True),
        ([1.0, [2]], [1.0000001, [2.0]]),
        ("2026-11-22", dt.date(2026, 11, 22)),
    ],
)
def test_values_that_agree(expected: object, got: object) -> None:
    assert agree(expected, got, 1e-6)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1.0, 1.0 + 2.1e-6),
        (0.0, 2e-6),
        (math.nan, 0.0),
        (0.0, math.nan),
        (math.inf, -math.inf),
        (math.inf, 1e308),
        (None, 0.0),
        (0.0, None),
        ("red", "Red"),
        ("5", 5),
        (5, "5"),
        ([1.0], [1.0, 2.0]),
        ([1.0], 1.0),
        (1.0, [1.0]),
        ("2026-11-22", dt.date(2026, 11, 23)),
    ],
)
def test_values_that_disagree(expected: object, got: object) -> None:
    assert not agree(expected, got, 1e-6)
