"""Which row meets what, and which must wait: by moment, and under ``ready``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from headrace.core.assignment import first
from headrace.core.settings import JoinSettings, OrderedBy, SlotSettings
from headrace.records import NoModelPolicy, Pin, Retire, SlotKey, SwitchMode, Unpin
from tests.core.building import ORDERED, SECOND, WINE, Bench, at, plain

HOLDING = JoinSettings(switch=SwitchMode.EVENT_TIME, lateness=10, no_model=NoModelPolicy.HOLD)


def event_time(slots: Mapping[SlotKey, SlotSettings] | None = None) -> Bench:
    return Bench(JoinSettings(switch=SwitchMode.EVENT_TIME, lateness=10, slots=slots or {}))


@pytest.mark.parametrize(("marks", "expected"), [([], 0), ([0, 0], 2), ([0, 1, 1], 1), ([1], 0)])
def test_the_first_marked_row_is_found(marks: list[int], expected: int) -> None:
    assert expected == first(np.array(marks, dtype=bool))


def test_event_time_a_record_meets_the_greatest_effective_time_not_after_it() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.serve(plain(1), appended_at=11, valid_from=30)
    bench.serve(plain(2), appended_at=12, valid_from=20)
    bench.end_stream()
    assert [(0, "", 0), (1, "", 2), (2, "", 2), (3, "", 1)] == bench.score(at(19), at(20), at(29), at(30))


def test_event_time_the_append_counts_where_valid_from_lies_before_it() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.serve(plain(1), appended_at=20, valid_from=5)
    bench.end_stream()
    assert [(0, "", 0), (1, "", 1)] == bench.score(at(19), at(20))


def test_event_time_append_times_never_fall() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=20)
    bench.serve(plain(1), appended_at=10)
    bench.end_stream()
    assert [(0, "", 1)] == bench.score(at(20))


def test_event_time_a_record_waits_until_the_stream_has_been_read_up_to_it() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    assert [] == bench.score(at(10))
    bench.join.models.read_up_to(9)
    assert [] == bench.advance()
    bench.join.models.read_up_to(10)
    assert [(0, "", 0)] == bench.advance()


def test_event_time_a_message_says_how_far_the_stream_has_been_read() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.publish(plain(1), appended_at=20)
    assert [(0, "", 0)] == bench.score(at(19), at(20))


def test_event_time_a_promise_about_the_stream_is_kept() -> None:
    """A message that comes all the same, of a time that was promised away, counts from after that time."""
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.join.models.read_up_to(50)
    bench.serve(plain(1), appended_at=20)
    bench.end_stream()
    assert [(0, "", 0), (1, "", 1)] == bench.score(at(50), at(51))


def test_event_time_a_record_waits_for_the_verdict_on_its_model_only() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.publish(plain(1), appended_at=20)
    bench.end_stream()
    assert [(0, "", 0)] == bench.score(at(19), at(20), at(19))
    bench.load()
    assert [(1, "", 1), (2, "", 0)] == bench.advance()


def test_event_time_after_a_rejection_the_one_before_serves_on() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.serve(b"corrupt", appended_at=20)
    bench.end_stream()
    assert [(0, "", 0)] == bench.score(at(25))


def test_event_time_a_record_is_late_where_its_version_had_ended_before_the_watermark() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.serve(plain(1), appended_at=20)
    bench.end_stream()
    rows = bench.score(at(29), at(19), at(30), at(19), at(20))
    assert [(0, "", 1), (1, "", 0), (2, "", 1), (4, "", 1), (3, "", "late-record")] == rows


def test_event_time_the_first_record_of_a_partition_is_never_late() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.serve(plain(1), appended_at=20)
    bench.end_stream()
    assert [(0, "", 0)] == bench.score(at(11))


def test_event_time_a_record_waits_while_the_end_of_its_version_may_still_move() -> None:
    """Were the candidate of 20 rejected, the version of 10 would last until 25, and the record would not be late."""
    bench = event_time()
    bench.serve(plain(0), appended_at=1)
    bench.serve(plain(1), appended_at=2, valid_from=25)
    bench.publish(b"corrupt", appended_at=3, valid_from=20)
    bench.end_stream()
    assert [(0, "", 1)] == bench.score(at(30), at(15))
    bench.load()
    assert [(1, "", 0)] == bench.advance()


def test_event_time_a_record_waits_while_a_message_may_end_its_version_before_the_watermark() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=1)
    bench.join.models.read_up_to(15)
    bench.score(at(60, data_type=""), at(15))
    assert 1 == len(bench.seen)
    bench.serve(plain(1), appended_at=40)
    bench.end_stream()
    assert [(1, "", "late-record")] == bench.advance()


def test_event_time_a_slot_that_was_not_there_makes_no_record_late() -> None:
    """Whether or not its beginning has been folded away."""
    bench = event_time()
    bench.serve(plain(0), appended_at=1)
    bench.serve(plain(1), SECOND, appended_at=30)
    bench.end_stream()
    assert [(0, "", 0), (1, "", 0), (0, "second", 1)] == bench.score(at(60), at(20))
    assert [(2, "", 0), (3, "", 0), (3, "second", 1)] == bench.score(at(20), at(30))


def test_event_time_a_record_between_two_services_of_a_slot_does_not_address_it() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.send(Retire(WINE), appended_at=20)
    bench.serve(plain(1), appended_at=30)
    bench.end_stream()
    bench.score(at(60), at(25), at(25))
    assert [(0, "", 2)] == bench.seen
    assert {WINE: 2} == bench.skipped
    assert 2 == bench.join.unaddressed.skipped


def test_event_time_a_record_without_a_time_is_a_dead_letter_whichever_slots_are_known() -> None:
    known, unknown = event_time(), event_time()
    known.serve(plain(0), appended_at=10)
    for bench in (known, unknown):
        bench.end_stream()
        assert [(0, "", "no-event-time")] == bench.score(at(None))
        assert 1 == bench.join.unaddressed.dead_lettered


def test_event_time_a_declared_slot_is_addressed_by_records_without_a_time() -> None:
    bench = event_time(slots={SECOND: SlotSettings()})
    bench.end_stream()
    assert [(0, "second", "no-event-time")] == bench.score(at(None))


def test_event_time_hold_waits_for_the_first_model_after_the_record() -> None:
    bench = Bench(HOLDING)
    bench.serve(plain(0), appended_at=10, valid_from=50)
    bench.join.models.read_up_to(20)
    assert [] == bench.score(at(15))
    bench.serve(plain(1), appended_at=30)
    assert [] == bench.advance()
    bench.join.models.read_up_to(30)
    assert [(0, "", 1)] == bench.advance()


def test_event_time_hold_passes_over_one_that_is_rejected() -> None:
    bench = Bench(HOLDING)
    bench.publish(b"corrupt", appended_at=10)
    bench.publish(plain(1), appended_at=20)
    bench.end_stream()
    assert [] == bench.score(at(5))
    bench.load()
    assert [(0, "", 1)] == bench.advance()


def test_event_time_hold_gives_up_a_record_that_is_late() -> None:
    bench = Bench(JoinSettings(HOLDING.switch, HOLDING.no_model, lateness=10, slots={WINE: SlotSettings()}))
    bench.send(Retire(WINE), appended_at=20)
    bench.serve(plain(1), appended_at=40)
    bench.end_stream()
    assert [(0, "", 1), (1, "", "late-record")] == bench.score(at(45), at(15))


def test_event_time_hold_gives_each_record_to_the_slot_that_begins_first_after_it() -> None:
    bench = Bench(HOLDING)
    bench.serve(plain(0), appended_at=1, valid_from=40)
    bench.serve(plain(1), SECOND, appended_at=2, valid_from=20)
    bench.send(Retire(SECOND), appended_at=30)
    bench.end_stream()
    assert [(1, "", 0), (0, "second", 1)] == bench.score(at(15), at(35))


def test_event_time_pin_and_unpin_take_effect_at_their_time() -> None:
    bench = event_time()
    bench.serve(plain(0), appended_at=10)
    bench.send(Pin(WINE), appended_at=20)
    bench.serve(plain(1), appended_at=30)
    bench.send(Unpin(WINE), appended_at=40)
    bench.end_stream()
    assert [(0, "", 0), (1, "", 0), (2, "", 2)] == bench.score(at(30), at(39), at(40))


def test_ordered_models_come_before_records_of_the_same_time() -> None:
    bench = Bench(ORDERED)
    bench.serve(plain(0), appended_at=10)
    bench.serve(plain(1), appended_at=20)
    bench.end_stream()
    assert [(0, "", 0), (1, "", 1)] == bench.score(at(19), at(20))


def test_ordered_a_record_out_of_time_keeps_its_place_in_its_partition() -> None:
    bench = Bench(ORDERED)
    bench.serve(plain(0), appended_at=10)
    bench.serve(plain(1), appended_at=20)
    bench.end_stream()
    assert [(0, "", 0), (1, "", 1), (2, "", 1)] == bench.score(at(19), at(20), at(12))
    assert [(3, "", 1)] == bench.score(at(12))


def test_ordered_an_untimed_record_goes_with_those_before_it() -> None:
    bench = Bench(ORDERED)
    bench.serve(plain(0), appended_at=10)
    bench.end_stream()
    assert [(1, "", 0), (2, "", 0), (0, "", "no-event-time")] == bench.score(at(None), at(15), at(None))


def test_ordered_records_wait_for_a_publication_at_its_place() -> None:
    bench = Bench(ORDERED)
    bench.serve(plain(0), appended_at=10)
    bench.publish(plain(1), appended_at=20)
    bench.end_stream()
    assert [(0, "", 0)] == bench.score(at(19), at(20), at(21))
    bench.load()
    assert [(1, "", 1), (2, "", 1)] == bench.advance()


def test_ordered_by_arrival_a_record_meets_what_had_been_published_when_it_came() -> None:
    bench = Bench(JoinSettings(switch=SwitchMode.ORDERED, ordered_by=OrderedBy.ARRIVAL))
    bench.offer(1)
    bench.publish(plain(0))
    bench.offer(2)
    bench.publish(plain(1))
    bench.offer(3, 4)
    bench.load()
    assert [(1, "", 0), (2, "", 1), (3, "", 1)] == bench.advance()
    assert {WINE: 1} == bench.skipped


def test_ordered_by_arrival_a_model_is_kept_for_those_that_came_before_the_next() -> None:
    bench = Bench(JoinSettings(switch=SwitchMode.ORDERED, ordered_by=OrderedBy.ARRIVAL))
    bench.serve(plain(0))
    bench.offer(1)
    bench.publish(plain(1))
    bench.offer(2, partition=1)
    bench.load()
    assert [(0, "", 0), (0, "", 1)] == bench.advance()
    assert bench.closed(0)


def test_ready_a_record_meets_what_serves_at_the_batch_boundary() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.offer(1, 2)
    bench.serve(plain(1))
    assert [(0, "", 1), (1, "", 1)] == bench.advance()


def test_ready_positions_never_fall_along_a_partition() -> None:
    """A partition that has met a later model waits for it, wherever it goes."""
    ahead, behind = Bench(), Bench()
    for bench in (ahead, behind):
        bench.serve(plain(0))
    ahead.serve(plain(1))
    assert [(0, "", 1)] == ahead.score(1)
    behind.join.assign(("records", 0), ahead.join.release(("records", 0)))
    assert [] == behind.score(2)
    behind.serve(plain(1))
    assert [(0, "", 1)] == behind.advance()


def test_ready_a_partition_waits_for_a_model_in_a_slot_that_is_not_known_yet() -> None:
    ahead, behind = Bench(), Bench()
    behind.serve(plain(0))
    ahead.serve(plain(0))
    ahead.serve(plain(1), SECOND)
    ahead.score(1)
    behind.join.assign(("records", 0), ahead.join.release(("records", 0)))
    assert [] == behind.score(2)
    behind.serve(plain(1), SECOND)
    assert [(0, "", 0), (0, "second", 1)] == behind.advance()


def test_ready_the_retirement_of_the_slot_ends_the_wait() -> None:
    ahead, behind = Bench(), Bench()
    for bench in (ahead, behind):
        bench.serve(plain(0))
    ahead.serve(plain(1))
    ahead.score(1)
    behind.join.assign(("records", 0), ahead.join.release(("records", 0)))
    behind.publish(plain(1))
    behind.send(Retire(WINE))
    assert [] == behind.score(2)
    assert {WINE: 1} == behind.skipped


def test_ready_a_refused_record_counts_as_one_that_met_the_model() -> None:
    bench = Bench()
    bench.serve(b"picky:y:0")
    assert [(0, "", "scoring-failed")] == bench.score(5)
    assert {WINE: 0} == bench.join.release(("records", 0)).floors
