"""A restart: what served, waited or was loading when the snapshot was taken."""

from __future__ import annotations

import pytest

from headrace.core.states import State
from headrace.records import Pin, Retire, Unpin
from tests.core.building import WINE, Bench, plain


def test_what_served_is_loaded_first_and_serves_again() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.score(1)
    bench.publish(plain(1))
    again = bench.restart()
    assert [0] == again.request()
    assert [] == again.score(2)
    again.finish(0)
    assert [(1, "", 0)] == again.advance()
    again.load()
    assert 1 == again.serving()


def test_a_partition_waits_for_what_it_has_used() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.score(1)
    again = bench.restart()
    assert [] == again.score(2)
    assert {} == again.skipped
    assert again.join.blocked


def test_messages_between_restart_and_loading_do_no_harm() -> None:
    """What served has no model yet: it must not be taken for ready."""
    bench = Bench()
    bench.serve(plain(0))
    again = bench.restart()
    again.send(Pin(WINE))
    again.publish(b"corrupt")
    again.send(Unpin(WINE))
    assert again.serving() is None
    again.load()
    assert 0 == again.serving()


def test_one_that_served_before_is_retired_behind_a_later_one() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.publish(plain(1))
    bench.request()
    again = bench.restart()
    again.request()
    again.join.models.defer(WINE, 0, "out of memory")
    again.load()
    assert {0: State.RETIRED, 1: State.SERVING} == again.states()


@pytest.mark.parametrize("stage", ["received", "loading", "verifying", "warming", "deferred"])
def test_a_candidate_without_a_verdict_starts_again(stage: str) -> None:
    bench = Bench()
    bench.publish(plain(0))
    if stage != "received":
        bench.request()
    for reached in (State.VERIFYING, State.WARMING):
        if stage in {"warming", reached.value}:
            bench.join.models.progress(WINE, 0, reached)
    if stage == "deferred":
        bench.join.models.defer(WINE, 0, "out of memory")
    again = bench.restart()
    assert {0: State.RECEIVED} == again.states()
    assert not again.slot().live[0].proven
    again.load()
    assert 0 == again.serving()


def test_one_that_was_overtaken_while_it_loaded_does_not_start_again() -> None:
    bench = Bench()
    bench.publish(plain(0))
    bench.request()
    bench.send(Retire(WINE))
    again = bench.restart()
    assert {0: State.RETIRED} == again.states()
    assert not again.join.models.loading


def test_one_that_a_restart_reloads_is_retired_where_the_slot_was_and_its_load_is_cut_short() -> None:
    """It was the base of the timeline, and is nowhere on it once the base is folded over."""
    bench = Bench()
    bench.serve(plain(0))
    again = bench.restart()
    again.request()
    again.send(Retire(WINE))
    again.join.models.defer(WINE, 0, "out of memory")
    assert {0: State.RETIRED} == again.states()


def test_what_a_pin_keeps_is_loaded_before_what_it_staged() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.send(Pin(WINE))
    bench.serve(plain(1))
    again = bench.restart()
    again.request()
    again.join.models.defer(WINE, 0, "out of memory")
    assert [] == again.load()
    again.join.models.retry_deferred()
    assert [0, 2] == again.load()
    assert (0, State.STAGED) == (again.serving(), again.states()[2])
