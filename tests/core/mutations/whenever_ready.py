"""Defects that show under ``ready``, where loads, positions and commands decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import headrace.core.assignment
import headrace.core.join
import headrace.core.models
import headrace.core.scoring
import headrace.core.slot
import headrace.core.snapshot
from headrace.core.assignment import assign_serving
from headrace.core.join import Join
from headrace.core.models import Models
from headrace.core.partition import Partition, Progress
from headrace.core.retention import Retention
from headrace.core.scoring import Scorer
from headrace.core.slot import Slot
from headrace.core.snapshot import take_snapshot
from headrace.core.states import State
from headrace.core.statistics import Timing
from headrace.core.timeline import END, Course
from tests.core.mutations.registry import READY, Patch, mutation


@mutation(READY, 119)
def forget_floors_in_a_snapshot(patch: Patch) -> None:
    load = headrace.core.snapshot.restore_snapshot

    def restore(join: Join, snapshot: Any) -> None:
        load(join, snapshot)
        for partition in join.partitions.values():
            partition.floors.clear()

    patch.setattr("headrace.testing.driver.restore_snapshot", restore)


@mutation(READY, 119)
def forget_floors_when_a_partition_moves(patch: Patch) -> None:
    patch.setattr(Partition, "progress", property(lambda self: Progress(self.done, self.max_time)))


@mutation(READY, 119)
def pay_no_heed_to_floors(patch: Patch) -> None:
    def assign(slot: Slot, rows: int, floor: int) -> Any:
        return assign_serving(slot, rows, -1)

    patch.setattr("headrace.core.planning.assign_serving", assign)


@mutation(READY, 144)
def keep_floors_after_the_slot_is_retired(patch: Patch) -> None:
    def end_service(self: Slot, command: Any, moment: int, position: int) -> None:
        end(self, command, moment, position)
        self.retired_at = -1

    end = Slot.end_service
    patch.setattr(Slot, "end_service", end_service)


@mutation(READY, 1)
def serve_what_was_loaded_last(patch: Patch) -> None:
    def settle(self: Slot, at: int, tell: Any) -> Any:
        ready = [each for each in self.live.values() if each.state is State.STAGED]
        if not ready or self.serving is None:
            return before(self, at, tell)
        self.timeline.base = Course(serving=ready[-1], active=True)
        self.timeline.entries.clear()
        return before(self, at, tell)

    before = Slot._settle_ready
    patch.setattr(Slot, "_settle_ready", settle)


@mutation(READY, 6)
def skip_behind_one_that_is_not_ready(patch: Patch) -> None:
    def overtaken(self: Slot, newest: int) -> list[Any]:
        waiting = [each for each in self.live.values() if each.state in {State.RECEIVED, State.STAGED}]
        return [each for each in waiting if each.position < max(self.live)]

    patch.setattr(Slot, "_overtaken", overtaken)


@mutation(READY, 276)
def wait_for_what_is_no_longer_on_the_timeline(patch: Patch) -> None:
    def overtaken(self: Slot, newest: int) -> list[Any]:
        on_it = {id(each) for each in self.timeline.members()}
        return [each for each in before(self, newest) if id(each) in on_it]

    before = Slot._overtaken
    patch.setattr(Slot, "_overtaken", overtaken)


@mutation(READY, 12)
def skip_what_the_retirement_of_the_slot_ended(patch: Patch) -> None:
    def pass_over(self: Slot, candidate: Any, newest: int, at: int, tell: Any) -> Any:
        return headrace.core.slot.skip(candidate, tell)

    patch.setattr(Slot, "_pass_over", pass_over)


@mutation(READY, 6)
def hold_a_candidate_to_no_outputs(patch: Patch) -> None:
    patch.setattr(Slot, "misfit", lambda self, candidate, outputs: "")


@mutation(READY, 64)
def load_the_newest_before_what_it_is_held_to(patch: Patch) -> None:
    patch.setattr(Slot, "_judged_first", lambda self, chosen, waiting, *, cold: chosen)


@mutation(READY, 21)
def let_the_base_serve_before_it_is_loaded_again(patch: Patch) -> None:
    patch.setattr(Course, "only", lambda self, counts: replace(self))


@mutation(READY, 27)
def forget_publication_ids(patch: Patch) -> None:
    patch.setattr(Slot, "knows", lambda self, publication_id: False)


@mutation(READY, 39)
def forget_publication_ids_in_a_snapshot(patch: Patch) -> None:
    def load(saved: Any, retain: int) -> Slot:
        slot = before(saved, retain)
        slot.publication_ids.clear()
        return slot

    before = headrace.core.snapshot._load_slot
    patch.setattr(headrace.core.snapshot, "_load_slot", load)


@mutation(READY, 1)
def save_a_position_that_was_not_reached(patch: Patch) -> None:
    def take(join: Join) -> Any:
        join.models.position += 1
        try:
            return take_snapshot(join)
        finally:
            join.models.position -= 1

    patch.setattr("headrace.testing.driver.take_snapshot", take)


@mutation(READY, 1)
def take_a_limit_for_a_verdict(patch: Patch) -> None:
    patch.setattr(Models, "defer", Models.reject)


@mutation(READY, 0)
def never_close_a_model(patch: Patch) -> None:
    patch.setattr(Join, "take_closing", lambda self: [])


@mutation(READY, 6)
def retain_for_ever(patch: Patch) -> None:
    kept = Retention.kept

    def all_kept(self: Retention, before: int = END) -> Any:
        self.limit, limit = 1_000, self.limit
        try:
            return kept(self, before)
        finally:
            self.limit = limit

    patch.setattr(Retention, "kept", all_kept)


@mutation(READY, 6)
def roll_back_without_the_whole_life(patch: Patch) -> None:
    def roll_back(self: Models, command: Any, position: int) -> None:
        before(self, command, position)
        slot = self.slots.get(command.slot)
        candidate = None if slot is None else slot.live.get(position)
        if candidate is not None:
            candidate.state = State.STAGED

    before = Models._roll_back
    patch.setattr(Models, "_roll_back", roll_back)


@mutation(READY, 719)
def roll_back_only_to_the_same_outputs(patch: Patch) -> None:
    def go_back(found: Any, command: Any) -> Any:
        return replace(before(found, command), replaces_signature=False)

    before = headrace.core.slot.go_back
    patch.setattr(headrace.core.models, "go_back", go_back)


@mutation(READY, 1)
def pay_no_heed_to_pins(patch: Patch) -> None:
    def offer(self: Course, candidate: Any) -> bool:
        self.serving, self.active = candidate, True
        return True

    patch.setattr(Course, "_offer", offer)


@mutation(READY, 0)
def count_twice(patch: Patch) -> None:
    def score(self: Join, *args: Any) -> None:
        before(self, *args)
        slot = args[1].slot
        slot.counts.received += slot.counts.scored > 3
        slot.counts.scored += slot.counts.scored > 3

    before = Join._score
    patch.setattr(Join, "_score", score)


@mutation(READY, 0)
def time_one_row_too_few(patch: Patch) -> None:
    before = Timing.add
    patch.setattr(Timing, "add", lambda self, rows, each_ns: before(self, max(1, rows - 1), each_ns))


@mutation(READY, 4)
def lose_rows_that_the_model_refuses(patch: Patch) -> None:
    before = Scorer.score
    patch.setattr(Scorer, "score", lambda self, *args: (before(self, *args)[0], []))


@mutation(READY, 1)
def lose_rows_that_address_no_slot(patch: Patch) -> None:
    patch.setattr(Join, "_lose", lambda self, *args: None)
