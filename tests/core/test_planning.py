"""Where the rows of a batch go, and which of them wait."""

from __future__ import annotations

from headrace.core.planning import Planner
from headrace.core.settings import JoinSettings, OrderedBy, SlotSettings
from headrace.records import NoModelPolicy, SlotKey, SwitchMode
from tests.core.building import EVENT_TIME, ORDERED, SECOND, WINE, Bench, at, plain

TEA = SlotKey("tea")


def test_a_record_is_scored_in_every_slot_of_its_data_type() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.serve(plain(1), SECOND)
    bench.serve(plain(2), TEA)
    assert [(0, "", 0), (0, "second", 1)] == bench.score(at(1))
    assert 2 == bench.join.totals().received


def test_a_row_leaves_whole() -> None:
    """It waits as long as it must in any one of its slots."""
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=1)
    bench.publish(plain(1), SECOND, appended_at=2)
    bench.end_stream()
    assert [(0, "", 0)] == bench.score(at(1), at(2))
    bench.load()
    assert [(1, "", 0), (1, "second", 1)] == bench.advance()


def test_a_waiting_row_holds_back_those_behind_it_of_every_type() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), TEA, appended_at=1)
    bench.publish(plain(1), appended_at=2)
    bench.end_stream()
    rows = [at(3, data_type="tea"), at(3, data_type=""), at(3), at(3, data_type="tea"), at(3, data_type="")]
    assert [(0, "", 0), (1, "", "undecodable")] == bench.score(*rows)
    assert 1 == len(bench.join.partitions)
    assert 3 == bench.join.partitions["records", 0].waiting
    bench.load()
    assert {(2, "", 1), (3, "", 0), (4, "", "undecodable")} == set(bench.advance())
    assert bench.join.totals().balanced


def test_partitions_do_not_wait_for_each_other() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=1)
    bench.join.models.read_up_to(10)
    bench.offer(at(11), partition=0)
    bench.offer(at(10), partition=1)
    assert [(0, "", 0)] == bench.advance()
    assert bench.join.blocked


def test_the_stream_is_waited_for_also_where_no_slot_is_known() -> None:
    bench = Bench(EVENT_TIME)
    assert [] == bench.score(at(5))
    assert {} == bench.skipped
    bench.serve(plain(0), appended_at=3)
    bench.end_stream()
    assert [(0, "", 0)] == bench.advance()


def test_the_stream_is_waited_for_also_where_a_slot_of_another_mode_is_known() -> None:
    settings = JoinSettings(switch=SwitchMode.EVENT_TIME, slots={WINE: SlotSettings(switch=SwitchMode.READY)})
    bench = Bench(settings)
    bench.serve(plain(0), appended_at=1)
    assert [] == bench.score(at(5))
    bench.serve(plain(1), SECOND, appended_at=3)
    bench.end_stream()
    assert [(0, "", 0), (0, "second", 1)] == bench.advance()


def test_under_ready_nothing_waits_for_the_stream() -> None:
    bench = Bench()
    bench.serve(plain(0), appended_at=1)
    assert [(0, "", 0)] == bench.score(at(1_000))


def mode(settings: JoinSettings, data_type: str = "wine") -> SwitchMode | None:
    return Planner(settings, Bench().join.models).mode_by_time(data_type)


def test_which_modes_go_by_time() -> None:
    by_arrival = JoinSettings(switch=SwitchMode.ORDERED, ordered_by=OrderedBy.ARRIVAL)
    own = JoinSettings(slots={SECOND: SlotSettings(switch=SwitchMode.EVENT_TIME)})
    both = JoinSettings(switch=SwitchMode.ORDERED, slots={SECOND: SlotSettings(switch=SwitchMode.EVENT_TIME)})
    expected = [None, SwitchMode.ORDERED, SwitchMode.EVENT_TIME, None, SwitchMode.EVENT_TIME, SwitchMode.ORDERED]
    assert expected == [mode(each) for each in (JoinSettings(), ORDERED, EVENT_TIME, by_arrival, own, both)]
    assert mode(own, "tea") is None


def test_rows_that_address_no_slot_are_skipped_by_default() -> None:
    bench = Bench()
    assert [] == bench.score(1, 2)
    assert {WINE: 2} == bench.skipped
    assert (2, 2) == (bench.join.unaddressed.received, bench.join.unaddressed.skipped)


def test_rows_that_address_no_slot_are_dead_letters_where_the_policy_says_so() -> None:
    bench = Bench(JoinSettings(no_model=NoModelPolicy.DEAD_LETTER))
    assert [(0, "", "no-model"), (1, "", "no-model")] == bench.score(1, 2)
    assert 2 == bench.join.unaddressed.dead_lettered


def test_rows_that_address_no_slot_are_held_where_the_policy_says_so() -> None:
    bench = Bench(JoinSettings(no_model=NoModelPolicy.HOLD))
    assert [] == bench.score(1, 2)
    bench.serve(plain(0))
    assert [(0, "", 0), (1, "", 0)] == bench.advance()


def test_a_declared_slot_is_addressed_before_its_first_model() -> None:
    bench = Bench(JoinSettings(slots={WINE: SlotSettings()}))
    bench.score(1)
    assert 1 == bench.slot().counts.skipped
    assert 0 == bench.join.unaddressed.received


def test_each_slot_has_its_own_policy() -> None:
    slots = {WINE: SlotSettings(no_model=NoModelPolicy.DEAD_LETTER), SECOND: SlotSettings()}
    bench = Bench(JoinSettings(slots=slots))
    assert [(0, "", "no-model")] == bench.score(1)
    assert {SECOND: 1} == bench.skipped


def test_one_slot_that_holds_holds_the_record_in_all() -> None:
    bench = Bench(JoinSettings(slots={SECOND: SlotSettings(no_model=NoModelPolicy.HOLD)}))
    bench.serve(plain(0))
    assert [] == bench.score(1)
    bench.serve(plain(1), SECOND)
    assert {(0, "", 0), (0, "second", 1)} == set(bench.advance())
