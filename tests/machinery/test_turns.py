"""The interpreter's turns are short while an engine runs, and as they were before and after."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from headrace.machinery.turns import TURN, brief_turns


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_turns_are_short_within() -> None:
    sys.setswitchinterval(0.005)
    with brief_turns():
        assert sys.getswitchinterval() == pytest.approx(TURN)
    assert sys.getswitchinterval() == pytest.approx(0.005)


def test_an_interval_that_is_shorter_already_stays() -> None:
    sys.setswitchinterval(0.000125)
    with brief_turns():
        assert sys.getswitchinterval() == pytest.approx(0.000125)


def test_an_error_within_gives_the_turns_back() -> None:
    sys.setswitchinterval(0.005)
    with pytest.raises(ZeroDivisionError), brief_turns():
        1 / 0  # noqa: B018
    assert sys.getswitchinterval() == pytest.approx(0.005)
