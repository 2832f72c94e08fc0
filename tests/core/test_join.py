"""The join from outside: in order, counted, with back-pressure."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.core.join import Join, Outcome
from headrace.core.partition import Progress
from headrace.core.settings import JoinSettings, OrderedBy
from headrace.core.statistics import Counts
from headrace.core.timeline import BEGINNING
from headrace.records import Batch, NoModelPolicy, Raw, SwitchMode
from headrace.testing.scenario import offset_of
from tests.core.building import EVENT_TIME, SECOND, WINE, Bench, at, batch_of, plain

RECORDS = ("records", 0)


def test_a_result_says_where_it_comes_from() -> None:
    bench = Bench()
    bench.serve(plain(7), version="v1")
    bench.join.offer(batch_of(1, 2))
    outcome = bench.join.advance()
    (results,) = outcome.results
    assert (WINE, [0, 1], [8, 9]) == (results.slot, results.rows.tolist(), results.outputs.column(0).to_pylist())
    assert [("model", "v1", 0)] == [(each.name, each.version, each.position) for each in results.versions]
    assert [0, 0] == results.version_of.tolist()
    assert [50, 50] == results.score_ns.tolist()
    assert (2, 2, True) == (outcome.rows, len(results), bool(outcome))


def test_nothing_to_do_gives_nothing() -> None:
    outcome = Bench().join.advance()
    assert not outcome
    assert ([], [], {}, 0) == (outcome.results, outcome.dead_letters, outcome.skipped, outcome.rows)


def test_an_empty_batch_is_no_batch() -> None:
    join = Bench().join
    join.offer(Batch(Raw("records", 0, np.array([], dtype=np.int64)), ()))
    assert not join.blocked
    assert not join.advance()


def test_batches_of_a_partition_leave_in_their_order() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.offer(1, 2)
    bench.offer(3)
    assert [0, 1, 2] == [row for row, _, _ in bench.advance()]
    assert offset_of(2) == bench.join.partitions[RECORDS].done


def test_one_batch_of_each_partition_is_scored_at_a_time() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.offer(1, 2)
    bench.offer(3)
    bench.offer(4, partition=1)
    assert [3, 1] == [bench.join.advance().rows for _ in range(2)]


def test_a_record_that_cannot_be_decoded_is_a_dead_letter_and_its_neighbours_are_scored() -> None:
    bench = Bench()
    bench.serve(plain(0))
    rows = bench.score(at(1, data_type=""), at(1), at(1, data_type=""))
    assert [(1, "", 0), (0, "", "undecodable"), (2, "", "undecodable")] == rows
    assert Counts(3, 1, 2, 0) == bench.join.totals()


def test_a_record_that_the_model_refuses_is_a_dead_letter_with_the_version() -> None:
    bench = Bench()
    bench.serve(b"picky:y:0")
    bench.join.offer(batch_of(1, 5, 2))
    outcome = bench.join.advance()
    (letters,) = outcome.dead_letters
    assert letters.version is not None
    assert (WINE, 0, "scoring-failed") == (letters.slot, letters.version.position, letters.failures[0].code)
    assert Counts(3, 2, 1, 0) == bench.slot().counts


def test_the_reason_of_a_dead_letter_names_slot_and_remedy() -> None:
    bench = Bench(JoinSettings(no_model=NoModelPolicy.DEAD_LETTER))
    bench.serve(b"corrupt", SECOND)
    bench.join.offer(batch_of(1))
    (letters,) = bench.join.advance().dead_letters
    expected = "no model serves slot wine: publish one, or choose another policy for no model"
    assert [expected] == [failure.reason for failure in letters.failures]


def test_counts_are_per_record_and_slot() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.serve(b"picky:y:1", SECOND)
    bench.score(at(1, 1), at(1, 5), at(1, 2, "water"), at(1, 3, ""))
    assert Counts(6, 3, 2, 1) == bench.join.totals()
    assert Counts(2, 2, 0, 0) == bench.slot().counts
    assert Counts(2, 1, 1, 0) == bench.slot(SECOND).counts
    assert Counts(2, 0, 1, 1) == bench.join.unaddressed


def test_the_first_record_makes_a_version_serve_by_moment() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=1)
    bench.serve(plain(1), appended_at=50)
    bench.end_stream()
    bench.score(at(5))
    assert ["serving", "staged"] == [state.value for state in bench.states().values()]


def test_back_pressure_begins_where_the_queue_is_full() -> None:
    bench = Bench(JoinSettings(no_model=NoModelPolicy.HOLD, queue_records=3))
    assert bench.join.wants(RECORDS)
    bench.offer(1, 2)
    assert bench.join.wants(RECORDS)
    bench.offer(3)
    assert not bench.join.wants(RECORDS)
    assert bench.join.wants(("records", 1))
    bench.serve(plain(0))
    bench.advance()
    assert bench.join.wants(RECORDS)


def test_rows_that_wait_are_counted_from_where_the_batch_was_split() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=1)
    bench.join.models.read_up_to(10)
    bench.score(at(9), at(10), at(11), at(10))
    assert 2 == bench.join.partitions[RECORDS].waiting
    assert (offset_of(1), 10) == (bench.join.partitions[RECORDS].done, bench.join.partitions[RECORDS].max_time)


def test_a_finished_partition_no_longer_holds_the_watermark_back() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=1)
    bench.serve(plain(1), appended_at=5)
    bench.end_stream()
    bench.join.assign(("records", 1))
    bench.join.finish(("records", 1))
    bench.score(at(100))
    assert bench.closed(0)


def test_a_finished_partition_with_rows_that_wait_still_does() -> None:
    bench = Bench(EVENT_TIME)
    bench.serve(plain(0), appended_at=1)
    bench.publish(plain(9), SECOND, appended_at=2)
    bench.serve(plain(1), appended_at=5)
    bench.publish(plain(2), SECOND, appended_at=50)
    bench.end_stream()
    bench.offer(at(60), at(3), partition=1)
    bench.join.finish(("records", 1))
    bench.score(at(40))
    assert not bench.closed(0)


def test_a_partition_is_given_away_with_its_progress() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.score(at(7), at(5))
    bench.offer(3)
    progress = bench.join.release(RECORDS)
    assert Progress(offset_of(1), 7, {WINE: 0}) == progress
    assert not bench.join.blocked
    taken = Bench().join.assign(RECORDS, progress)
    assert progress == taken.progress
    taken.floors[SECOND] = 3
    assert {WINE: 0} == progress.floors


def test_a_partition_that_is_here_keeps_its_own_progress() -> None:
    join = Bench().join
    join.assign(RECORDS).done = 9
    assert 9 == join.assign(RECORDS, Progress(2)).done
    assert Progress(9, BEGINNING, {}) == join.assign(RECORDS).progress


def test_a_partition_may_be_finished_before_its_first_record() -> None:
    join = Bench().join
    join.finish(RECORDS)
    assert join.partitions[RECORDS].exhausted


def test_models_are_handed_out_for_closing_once() -> None:
    bench = Bench()
    bench.serve(plain(0))
    bench.serve(plain(1))
    assert [bench.models[0]] == bench.join.take_closing()
    assert [] == bench.join.take_closing()


@pytest.mark.parametrize("mode", list(SwitchMode))
def test_one_record_at_a_time_gives_what_a_batch_gives(mode: SwitchMode) -> None:
    came = []
    for size in (1, 6):
        bench = Bench(JoinSettings(switch=mode))
        bench.serve(b"picky:y:1", appended_at=1)
        bench.end_stream()
        rows = [at(5 + x, x) for x in range(1, 7)]
        for start in range(0, 6, size):
            bench.score(*rows[start : start + size])
        came.append((sorted(bench.seen, key=str), bench.join.totals()))
    assert came[0] == came[1]


def test_the_clock_and_the_timer_are_the_engines() -> None:
    times, nanoseconds = iter(range(5_000, 6_000)), iter(range(0, 10_000, 40))
    join = Join(JoinSettings(), lambda: next(times), lambda: next(nanoseconds))
    bench = Bench()
    bench.join = join
    bench.serve(plain(0))
    join.offer(batch_of(1))
    outcome: Outcome = join.advance()
    assert 5_000 <= outcome.results[0].scored_at < 6_000
    assert [40] == outcome.results[0].score_ns.tolist()


def test_a_partition_that_comes_later_meets_the_models_of_its_time() -> None:
    bench = Bench(JoinSettings(switch=SwitchMode.ORDERED, ordered_by=OrderedBy.TIMESTAMP))
    bench.join.records_to = BEGINNING
    first, second, third = (
        bench.serve(plain(factor), appended_at=time) for factor, time in ((0, 20), (5, 100), (7, 200))
    )
    bench.offer(at(30), at(150), partition=1)
    assert [(0, "", first), (1, "", second)] == bench.advance()
    bench.offer(at(40), at(110))
    assert [(0, "", first), (1, "", second)] == bench.advance()
    bench.join.models.read_up_to(300)
    bench.join.records_to = 300
    bench.offer(at(250), partition=1)
    bench.offer(at(250))
    assert [third, third] == [position for _, _, position in bench.advance()]
    bench.join.advance()
    assert [third] == [each.position for each in bench.join.models.slots[WINE].live.values()]
