"""When the rows of a batch happen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.core.moments import Moments, Times, by_arrival, by_own_time, by_running_time, subtract
from headrace.core.timeline import BEGINNING, END
from tests.core.building import at, batch_of

BATCH = batch_of(at(5), at(9), at(None), at(7))
ROWS = BATCH.groups[0].rows


def test_a_rows_own_time() -> None:
    times = Times(BATCH, 6, 0)
    assert [5, 9, BEGINNING, 7] == times.own(ROWS).tolist()
    assert (BEGINNING, 9) == times.bounds


def test_the_greatest_time_so_far_goes_on_from_what_left() -> None:
    assert [6, 9, 9, 9] == Times(BATCH, 6, 0).running(ROWS).tolist()
    assert [20, 20] == Times(BATCH, 20, 2).running(ROWS[2:]).tolist()


def test_what_has_passed_is_what_came_before_less_the_lateness() -> None:
    assert [4, 4, 7, 7] == Times(BATCH, 6, 0).passed(ROWS, 2).tolist()


def test_before_the_first_record_nothing_has_passed() -> None:
    """Lateness is not taken from the beginning of time: it would wrap round to its end."""
    assert [BEGINNING] == Times(batch_of(at(5)), BEGINNING, 0).passed(ROWS[:1], 10).tolist()
    assert BEGINNING == subtract(BEGINNING, 10) == subtract(BEGINNING + 3, 10)
    assert -3 == subtract(7, 10)


def test_what_is_left_of_a_batch_has_its_own_bounds() -> None:
    assert (BEGINNING, 7) == Times(BATCH, 9, 2).bounds
    assert (7, 7) == Times(BATCH, 9, 3).bounds


def test_a_batch_without_times() -> None:
    times = Times(batch_of(1, 2), 6, 0)
    assert [BEGINNING, BEGINNING] == times.own(ROWS[:2]).tolist()
    assert [6, 6] == times.running(ROWS[:2]).tolist()
    assert (BEGINNING, BEGINNING) == times.bounds


def test_by_arrival_all_rows_have_one_moment_which_is_known() -> None:
    moments = by_arrival(3, ROWS)
    assert [3, 3, 3, 3] == moments.each(ROWS).tolist()
    assert (3, 3, END, None) == (moments.low, moments.high, moments.known, moments.passed)


TIMES = st.lists(st.one_of(st.none(), st.integers(0, 50)), min_size=1, max_size=8)
REACHED = st.one_of(st.just(BEGINNING), st.integers(0, 50))


def check_bounds(moments: Moments) -> None:
    each = moments.each(moments.rows)
    assert moments.low <= each.min()
    assert each.max() <= moments.high
    if moments.passed is not None:
        assert moments.passed(moments.rows).max() <= moments.passed_high


@given(TIMES, REACHED, st.integers(0, 60), st.data())
def test_bounds_hold_for_every_row(given: list[int | None], reached: int, lateness: int, data: st.DataObject) -> None:
    batch = batch_of(*(at(time) for time in given))
    start = data.draw(st.integers(0, len(given) - 1))
    times, rows = Times(batch, reached, start), batch.groups[0].rows[start:]
    check_bounds(by_own_time(times, rows, lateness, 0))
    check_bounds(by_running_time(times, rows, 0))
