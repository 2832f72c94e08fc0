"""Defects that show under ``ordered`` and ``event-time``, where moments decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import headrace.core.assignment
import headrace.core.join
import headrace.core.models
import headrace.core.planning
import headrace.core.scoring
import headrace.core.slot
import headrace.core.snapshot
from headrace.core.assignment import _Cast
from headrace.core.claims import Claims
from headrace.core.join import Join
from headrace.core.models import Models
from headrace.core.moments import Moments, Times, by_own_time
from headrace.core.partition import Partition, Pending
from headrace.core.planning import Planner, _Part
from headrace.core.scoring import assemble_results
from headrace.core.slot import Slot
from headrace.core.states import State
from headrace.core.timeline import BEGINNING, END, Course, Segments, Timeline
from headrace.records import SwitchMode
from tests.core.mutations.registry import ARRIVAL, EVENT_TIME, HOLDING, LATE, ORDERED, Patch, mutation


@mutation(EVENT_TIME, 34)
def hold_a_candidate_to_the_latest_outputs(patch: Patch) -> None:
    patch.setattr(Claims, "before", lambda self, position: self.steps[-1])


@mutation(EVENT_TIME, 27)
def let_a_whole_batch_fail(patch: Patch) -> None:
    def score(model: Any, binding: Any, columns: Any, start: int, pieces: Any, errors: Any) -> None:
        try:
            pieces.append((start, headrace.core.scoring._score_whole(model, binding, columns, start, errors)))
        except ValueError as error:
            errors.update(dict.fromkeys(range(columns.num_rows), ("scoring-failed", str(error))))

    patch.setattr(headrace.core.scoring, "_score_pieces", score)


@mutation(EVENT_TIME, 0)
def lose_a_row_where_a_batch_is_split(patch: Patch) -> None:
    class Hasty(Pending):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value + 1 if name == "start" and 0 < value < len(self.batch) - 1 else value)

    patch.setattr(headrace.core.join, "Pending", Hasty)


@mutation(EVENT_TIME, 71)
def put_out_results_by_version(patch: Patch) -> None:
    def assemble(batch: Any, slot: Any, portions: Any, scored_at: int) -> Any:
        return [made for portion in portions for made in assemble_results(batch, slot, [portion], scored_at)]

    patch.setattr(headrace.core.join, "assemble_results", assemble)


@mutation(EVENT_TIME, 7)
def begin_a_version_one_moment_late(patch: Patch) -> None:
    def each(self: Segments, moments: Any) -> Any:
        return np.maximum(np.searchsorted(self.starts, moments, side="left") - 1, 0)

    patch.setattr(Segments, "each", each)
    patch.setattr(Segments, "at", lambda self, moment: int(each(self, moment)))


@mutation(EVENT_TIME, 0)
def give_ties_to_the_lesser_position(patch: Patch) -> None:
    def insert(self: Timeline, entry: Any) -> None:
        self.entries.append(entry)
        self.entries.sort(key=lambda each: (each.moment, -each.position))
        self.touch()

    patch.setattr(Timeline, "insert", insert)


@mutation(EVENT_TIME, 3)
def let_valid_from_lie_before_the_append(patch: Patch) -> None:
    def moment(self: Models, slot: Slot, valid_from: int | None) -> int:
        own = slot.mode is SwitchMode.EVENT_TIME and valid_from is not None
        return valid_from or 0 if own else before(self, slot, valid_from)

    before = Models._moment
    patch.setattr(Models, "_moment", moment)


@mutation(EVENT_TIME, 0)
def let_append_times_fall(patch: Patch) -> None:
    def receive(self: Models, message: Any) -> None:
        self.appended = self.read_to = BEGINNING
        before(self, message)

    before = Models.receive
    patch.setattr(Models, "receive", receive)


@mutation(EVENT_TIME, 14)
def believe_the_stream_read_one_moment_further(patch: Patch) -> None:
    before = Models.read_up_to
    patch.setattr(Models, "read_up_to", lambda self, moment: before(self, min(moment, END - 1) + 1))


@mutation(EVENT_TIME, 0)
def serve_the_one_before_where_there_is_no_verdict(patch: Patch) -> None:
    def code(self: _Cast, segment: int, *, held: bool) -> int:
        candidate = self.segments.candidates[segment]
        while segment > 0 and candidate is not None and candidate.unresolved:
            segment -= 1
            candidate = self.segments.candidates[segment]
        return before(self, segment, held=held)

    before = _Cast._code
    patch.setattr(_Cast, "_code", code)


@mutation(HOLDING, 40)
def hold_without_waiting_for_the_stream(patch: Patch) -> None:
    def following(self: _Cast, segment: int) -> Any:
        place = self.segments.following(segment)
        return None if place is None else self.segments.candidates[place]

    patch.setattr(_Cast, "_following", following)


@mutation(EVENT_TIME, 277)
def call_a_record_late_one_moment_too_late(patch: Patch) -> None:
    before = Times.passed
    patch.setattr(Times, "passed", lambda self, rows, lateness: before(self, rows, lateness + 1))


@mutation(EVENT_TIME, 45)
def call_no_record_late(patch: Patch) -> None:
    patch.setattr(Times, "passed", lambda self, rows, lateness: np.full(len(rows), BEGINNING))


@mutation(LATE, 1207)
def call_a_record_late_before_the_end_is_certain(patch: Patch) -> None:
    before = Timeline.segments
    patch.setattr(Timeline, "segments", lambda self: replace(before(self), undecided=END))


@mutation(EVENT_TIME, 74)
def measure_lateness_from_the_batch_alone(patch: Patch) -> None:
    def plan(self: Planner, partition: Partition, pending: Pending) -> Any:
        reached, partition.max_time = partition.max_time, BEGINNING
        try:
            return before(self, partition, pending)
        finally:
            partition.max_time = reached

    before = Planner.plan
    patch.setattr(Planner, "plan", plan)


@mutation(ORDERED, 33)
def forget_the_greatest_time_in_a_snapshot(patch: Patch) -> None:
    load = headrace.core.snapshot.restore_snapshot

    def restore(join: Join, snapshot: Any) -> None:
        load(join, snapshot)
        for partition in join.partitions.values():
            partition.max_time = BEGINNING

    patch.setattr("headrace.testing.driver.restore_snapshot", restore)


@mutation(EVENT_TIME, 14)
def fold_what_may_still_be_met(patch: Patch) -> None:
    before = Timeline.fold
    patch.setattr(Timeline, "fold", lambda self, watermark: before(self, min(watermark, END - 9) + 9))


@mutation(EVENT_TIME, 93)
def fold_by_the_fastest_partition(patch: Patch) -> None:
    def watermark(self: Join, mode: SwitchMode) -> int:
        reached = max((each.max_time for each in self.partitions.values()), default=BEGINNING)
        return max(reached, BEGINNING + self.settings.lateness) - self.settings.lateness

    patch.setattr(Join, "_watermark", watermark)


@mutation(EVENT_TIME, 7)
def forget_when_the_slot_was_there(patch: Patch) -> None:
    def fold(self: Timeline, entry: Any) -> None:
        before(self, entry)
        self.past = [(BEGINNING, self.base.active)]

    before = Timeline._fold_entry
    patch.setattr(Timeline, "_fold_entry", fold)


@mutation(EVENT_TIME, 0)
def close_a_model_when_the_next_is_staged(patch: Patch) -> None:
    def settle(self: Slot, watermark: int, at: int, tell: Any) -> Any:
        staged = [each for each in self.live.values() if each.accepted]
        gone = before(self, watermark, at, tell)
        return gone + [each.model for each in staged[:-1] if each.model is not None]

    before = Slot._settle_past
    patch.setattr(Slot, "_settle_past", settle)


@mutation(EVENT_TIME, 5)
def let_records_without_a_slot_pass_the_stream(patch: Patch) -> None:
    patch.setattr(_Part, "_await_stream", lambda self: None)


@mutation(HOLDING, 39)
def give_held_rows_to_any_slot(patch: Patch) -> None:
    patch.setattr(Segments, "activation", lambda self, segment: 0)


@mutation(EVENT_TIME, 484)
def make_a_slot_active_by_what_is_staged(patch: Patch) -> None:
    def offer(self: Course, candidate: Any) -> bool:
        self.active = True
        return before(self, candidate)

    before = Course._offer
    patch.setattr(Course, "_offer", offer)


@mutation(ORDERED, 0)
def skip_publications_in_ordered(patch: Patch) -> None:
    def next_load(self: Slot, *, cold: bool) -> Any:
        waiting = [each for each in self.live.values() if each.state is State.RECEIVED]
        chosen = before(self, cold=cold)
        if chosen is None or self.mode is SwitchMode.READY:
            return chosen
        for each in waiting[:-1]:
            each.move(State.SKIPPED, "overtaken")
            self.timeline.touch()
        return waiting[-1]

    before = Slot.next_load
    patch.setattr(Slot, "next_load", next_load)


@mutation(ORDERED, 0)
def order_a_record_by_its_own_time(patch: Patch) -> None:
    def by_time(times: Times, rows: Any, known: int) -> Moments:
        return replace(by_own_time(times, rows, 0, known), passed=None)

    patch.setattr(headrace.core.planning, "by_running_time", by_time)


@mutation(EVENT_TIME, 0)
def take_the_least_moment_of_a_batch_for_all(patch: Patch) -> None:
    def by_time(times: Times, rows: Any, lateness: int, known: int) -> Moments:
        moments = by_own_time(times, rows, lateness, known)
        return replace(moments, high=moments.low)

    patch.setattr(headrace.core.planning, "by_own_time", by_time)


@mutation(EVENT_TIME, 270)
def pay_no_heed_to_what_has_passed_where_one_version_is_met(patch: Patch) -> None:
    def by_time(times: Times, rows: Any, lateness: int, known: int) -> Moments:
        return replace(by_own_time(times, rows, lateness, known), passed_high=BEGINNING)

    patch.setattr(headrace.core.planning, "by_own_time", by_time)


@mutation(ORDERED, 133)
def let_a_roll_back_go_by_what_has_been_loaded(patch: Patch) -> None:
    patch.setattr(Slot, "undigested", False)


@mutation(ORDERED, 0)
def serve_one_version_to_a_whole_batch(patch: Patch) -> None:
    def each(self: Segments, moments: Any) -> Any:
        found = before(self, moments)
        return np.full(len(found), found[0]) if len(found) else found

    before = Segments.each
    patch.setattr(Segments, "each", each)


@mutation(ARRIVAL, 0)
def note_the_arrival_when_the_record_leaves(patch: Patch) -> None:
    def plan(self: Planner, partition: Partition, pending: Pending) -> Any:
        pending.arrived = self.models.position
        return before(self, partition, pending)

    before = Planner.plan
    patch.setattr(Planner, "plan", plan)


@mutation(ARRIVAL, 20)
def fold_what_queued_records_have_to_meet(patch: Patch) -> None:
    patch.setattr(Join, "_watermark", lambda self, mode: self.models.position)
