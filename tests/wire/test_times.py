import datetime as dt
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.wire.times import to_milliseconds


@pytest.mark.parametrize(
    ("values", "kind", "unit", "expected"),
    [
        ([1, -1, None], pa.int64(), "ms", [1, -1, 0]),
        ([1, -1], pa.int32(), "s", [1_000, -1_000]),
        ([1_999, -1], pa.int64(), "us", [1, -1]),
        ([1_999_999, -1], pa.int64(), "ns", [1, -1]),
        ([1.5, None, -0.0005], pa.float64(), "s", [1_500, 0, -1]),
        ([2.5], pa.float32(), "ms", [2]),
        ([2**63], pa.uint64(), "ns", [2**63 // 1_000_000]),
        (["1970-01-01T00:00:01.5Z", "1970-01-01T01:00:00+01:00", None], pa.string(), "s", [1_500, 0, 0]),
        (["1970-01-01 00:00:02", "1970-01-02", "1969-12-31T23:59:59.9999"], pa.string(), "s", [2_000, 86_400_000, -1]),
        (["5", "-5", "1600000000"], pa.large_string(), "s", [5_000, -5_000, 1_600_000_000_000]),
        ([3], pa.timestamp("s"), "ms", [3_000]),
        ([3_999], pa.timestamp("us", "Europe/Zurich"), "s", [3]),
        ([-1], pa.timestamp("ns"), "s", [-1]),
        ([dt.date(1970, 1, 2), None], pa.date32(), "s", [86_400_000, 0]),
        ([dt.date(1970, 1, 2)], pa.date64(), "s", [86_400_000]),
        ([None], pa.null(), "s", [0]),
    ],
)
def test_times_become_milliseconds(values: list[Any], kind: pa.DataType, unit: Any, expected: list[int]) -> None:
    times, wrong = to_milliseconds(pa.array(values, kind), unit)

    assert expected == times.tolist()
    assert wrong == {}


@pytest.mark.parametrize(
    ("values", "kind", "wrong"),
    [
        ([1, 2**62], pa.int64(), {1: "4611686018427387904 s is beyond any time"}),
        ([math.nan, 1.0, math.inf, 1e300], pa.float64(), {0, 2, 3}),
        (["today", "5", "", "1970-13-01", "9" * 30], pa.string(), {0, 2, 3, 4}),
        ([2**63], pa.uint64(), {0}),
        ([True, None], pa.bool_(), {0: "a bool is no time"}),
        ([b"1"], pa.binary(), {0: "a binary is no time"}),
    ],
)
def test_what_is_no_time_is_said(values: list[Any], kind: pa.DataType, wrong: Any) -> None:
    _, found = to_milliseconds(pa.array(values, kind), "s")

    assert wrong == (found if isinstance(wrong, dict) else set(found))


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_texts_and_timestamps_agree(moment: dt.datetime) -> None:
    by_text, _ = to_milliseconds(pa.array([moment.isoformat()]), "ms")
    by_type, _ = to_milliseconds(pa.array([moment], pa.timestamp("us")), "ms")

    assert by_type.tolist() == by_text.tolist()
