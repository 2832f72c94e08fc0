"""Calls from a thread of their own, with an end to the wait for them."""

from __future__ import annotations

import threading

import pytest

from headrace.engines.kafka import attending
from headrace.engines.kafka.attending import StuckError, attend


def test_what_a_call_gives_is_given() -> None:
    assert 7 == attend(lambda one, other: one + other, 3, 4, seconds=60)


def test_what_a_call_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        attend(lambda: 1 / 0, seconds=60)


def test_a_call_that_does_not_come_back_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attending, "GRACE", 0.05)
    going = threading.Event()

    def hang() -> None:
        going.wait()

    with pytest.raises(StuckError, match="hang has not come back"):
        attend(hang, seconds=0.0)
    going.set()
