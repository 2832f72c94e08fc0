"""The join: model messages and batches of records in, results out.

Rules:

1. An engine calls from one thread: ``models.receive`` for the model stream, ``offer`` for records, ``advance`` to
   score what can be scored. Nothing here blocks, waits or looks at a clock of its own.
2. What ``advance`` gives has been counted; the engine writes it, closes what ``take_closing`` gives, then may take a
   snapshot. Results and snapshot committed together are what makes each record be scored once.
3. Counts are per (record, addressed slot); a record that addresses no slot counts once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from headrace.core.assignment import LATE, NO_MODEL, NO_TIME, Assignment
from headrace.core.models import Models
from headrace.core.partition import Partition, Pending, Progress
from headrace.core.planning import Planner
from headrace.core.scoring import Scorer, assemble_results, dead_letters, score_assigned
from headrace.core.settings import JoinSettings, OrderedBy
from headrace.core.states import State
from headrace.core.statistics import Counts
from headrace.core.timeline import BEGINNING, END
from headrace.records import DeadLetters, Failure, NoModelPolicy, SlotKey, SwitchMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.abc.model import Model
    from headrace.core.partition import PartitionKey
    from headrace.core.planning import Lost, Plan, Share
    from headrace.core.slot import Slot
    from headrace.records import Batch, Int64Array, Results

    Clock = Callable[[], int]

_REASONS = {
    NO_MODEL: ("no-model", "no model serves slot {slot}: publish one, or choose another policy for no model"),
    LATE: ("late-record", "its model version in slot {slot} had ended: the record is later than the allowed lateness"),
    NO_TIME: ("no-event-time", "slot {slot} switches by time and the record has none: configure the field of its time"),
}


@dataclass(slots=True)
class Outcome:
    """What one ``advance`` gave, in the order of each partition's records. ``skipped`` counts by slot."""

    results: list[Results] = field(default_factory=list)
    dead_letters: list[DeadLetters] = field(default_factory=list)
    skipped: dict[SlotKey, int] = field(default_factory=dict)
    rows: int = 0

    def __bool__(self) -> bool:
        return self.rows > 0


@dataclass(slots=True)
class Join:
    """Records and models joined.

    ``clock`` gives milliseconds since the epoch, ``timer`` nanoseconds; both are the engine's. ``records_to`` is the
    time before which no partition that is not here yet has a row to come: ``END`` where all are assigned beforehand.
    """

    settings: JoinSettings
    clock: Clock
    timer: Clock
    models: Models = field(init=False)
    partitions: dict[PartitionKey, Partition] = field(default_factory=dict)
    unaddressed: Counts = field(default_factory=Counts)
    records_to: int = END
    _scorer: Scorer = field(init=False)
    _planner: Planner = field(init=False)

    def __post_init__(self) -> None:
        self.models = Models(self.settings, self.clock)
        self._scorer = Scorer(self.timer, self.settings.exclude)
        self._planner = Planner(self.settings, self.models)

    def assign(self, key: PartitionKey, progress: Progress | None = None) -> Partition:
        """Take a partition in, with the progress under its last owner; it goes on after ``done`` (-1: the beginning).

        One that is here already keeps its own progress.
        """
        known = self.partitions.get(key)
        if known is None:
            came = progress or Progress()
            known = self.partitions[key] = Partition(
                key, done=came.done, max_time=came.max_time, floors=dict(came.floors)
            )
        return known

    def release(self, key: PartitionKey) -> Progress:
        """Give a partition away, with its progress for the next owner; rows that wait are dropped and read again."""
        return self.partitions.pop(key).progress

    def finish(self, key: PartitionKey) -> None:
        """Learn that a partition has no more records."""
        self.assign(key).finished = True

    def wants(self, key: PartitionKey) -> bool:
        """Whether more of a partition's records may be offered: the back-pressure."""
        return self.assign(key).waiting < self.settings.queue_records

    def offer(self, batch: Batch) -> None:
        """Take in the next records of their partition."""
        if len(batch):
            self.models.cold = False
            partition = self.assign((batch.raw.source, batch.raw.partition))
            partition.queue.append(Pending(batch, self.models.position))

    def advance(self, only: PartitionKey | None = None) -> Outcome:
        """Score what can be scored now: at most the first batch of each partition, or of one alone."""
        outcome = Outcome()
        for partition in self.partitions.values() if only is None else (self.partitions[only],):
            if partition.queue:
                self._advance(partition, outcome)
        if outcome:
            self.models.settle(self._watermarks())
        return outcome

    @property
    def blocked(self) -> bool:
        """Whether rows wait that ``advance`` could not score as things stand."""
        return any(partition.queue for partition in self.partitions.values())

    def take_closing(self) -> list[Model]:
        """Hand out the models that no record meets any more, to be closed once their results are out."""
        closing, self.models.closing = self.models.closing, []
        return closing

    def totals(self) -> Counts:
        """Add up the counts of all slots and of what addressed none."""
        total = Counts()
        total.add(self.unaddressed)
        for slot in self.models.slots.values():
            total.add(slot.counts)
        return total

    def _advance(self, partition: Partition, outcome: Outcome) -> None:
        pending = partition.queue[0]
        batch, start = pending.batch, pending.start
        plan = self._planner.plan(partition, pending)
        limit = plan.limit
        if limit <= start:
            return
        self._carry_out(partition, pending, plan, outcome)
        outcome.rows += limit - start
        partition.done = int(batch.raw.offsets[limit - 1])
        if batch.times is not None:
            left = batch.times[start:limit]
            partition.max_time = max(partition.max_time, int(left[0] if len(left) == 1 else left.max()))
        pending.start = limit
        if limit == len(batch):
            partition.queue.popleft()

    def _carry_out(self, partition: Partition, pending: Pending, plan: Plan, outcome: Outcome) -> None:
        batch, scored_at = pending.batch, self.clock()
        if batch.failures:
            self._fail(batch, pending.start, plan.limit, outcome)
        for share in plan.shares:
            self._score(partition, share, batch, plan.limit, scored_at, outcome)
        for lost in plan.lost:
            self._lose(batch, lost, plan.limit, outcome)

    def _fail(self, batch: Batch, start: int, limit: int, outcome: Outcome) -> None:
        failures = tuple(failure for failure in batch.failures if start <= failure.row < limit)
        if failures:
            self.unaddressed.received += len(failures)
            self.unaddressed.dead_lettered += len(failures)
            outcome.dead_letters.append(DeadLetters(batch, None, failures))

    def _lose(self, batch: Batch, lost: Lost, limit: int, outcome: Outcome) -> None:
        """Account for rows that address no slot."""
        key, rows = SlotKey(lost.data_type), lost.rows[lost.rows < limit]
        if len(rows):
            policy = self.settings.policy(key)
            self._account(self.unaddressed, batch, None, key, rows, lost.code, policy, outcome)

    def _score(
        self, partition: Partition, share: Share, batch: Batch, limit: int, scored_at: int, outcome: Outcome
    ) -> None:
        slot, assignment = share.slot, share.assignment
        rows, columns = share.group.rows, share.group.columns
        count = int(np.searchsorted(rows, limit)) if limit < len(batch) else len(rows)
        if share.offset or count < len(rows):
            count -= share.offset
            rows, columns = rows[share.offset :][:count], columns.slice(share.offset, count)
        if not count:
            return
        self._start_serving(assignment, count)
        portions, refused = score_assigned(self._scorer, assignment, columns, rows)
        outcome.dead_letters += dead_letters(batch, slot.key, refused)
        failed = sum(len(failures) for _, failures in refused)
        scored = sum(len(portion.rows) for portion in portions)
        if portions:
            outcome.results += assemble_results(batch, slot.key, portions, scored_at)
        if slot.mode is SwitchMode.READY and assignment.candidates:
            partition.floors[slot.key] = assignment.candidates[0].position
        slot.counts.received += scored + failed
        slot.counts.scored += scored
        slot.counts.dead_lettered += failed
        if assignment.of_row is not None:
            self._unscored(slot, batch, rows, assignment.of_row[:count], outcome)

    def _unscored(self, slot: Slot, batch: Batch, rows: Int64Array, codes: Int64Array, outcome: Outcome) -> None:
        """Account for the rows that met no candidate."""
        for code in _REASONS:
            lost = rows[codes == code]
            if len(lost):
                self._account(slot.counts, batch, slot.key, slot.key, lost, code, slot.policy, outcome)

    def _account(
        self,
        counts: Counts,
        batch: Batch,
        slot: SlotKey | None,
        named: SlotKey,
        rows: Int64Array,
        code: int,
        policy: NoModelPolicy,
        outcome: Outcome,
    ) -> None:
        counts.received += len(rows)
        if code == NO_MODEL and policy is not NoModelPolicy.DEAD_LETTER:
            counts.skipped += len(rows)
            outcome.skipped[named] = outcome.skipped.get(named, 0) + len(rows)
            return
        counts.dead_lettered += len(rows)
        short, reason = _REASONS[code]
        told = reason.format(slot=named)
        failures = tuple(Failure(row, short, told) for row in rows.tolist())
        outcome.dead_letters.append(DeadLetters(batch, slot, failures))

    def _start_serving(self, assignment: Assignment, count: int) -> None:
        for index, candidate in enumerate(assignment.candidates):
            if candidate.state is not State.STAGED:
                continue
            if assignment.of_row is None or (assignment.of_row[:count] == index).any():
                self.models.start_serving(candidate)

    def _watermarks(self) -> dict[SlotKey, int]:
        modes = {key: slot.mode for key, slot in self.models.slots.items() if slot.mode is not SwitchMode.READY}
        return {key: self._watermark(mode) for key, mode in modes.items()}

    def _watermark(self, mode: SwitchMode) -> int:
        """Give the moment before which no partition has a row to come, nor the model stream a publication."""
        open_ones = [each for each in self.partitions.values() if not each.exhausted]
        if mode is SwitchMode.ORDERED and self.settings.ordered_by is OrderedBy.ARRIVAL:
            heads = [each.queue[0].arrived for each in open_ones if each.queue]
            return min(heads, default=self.models.position)
        reached = min((each.max_time for each in open_ones), default=self.models.read_to)
        if mode is SwitchMode.EVENT_TIME:
            reached = max(reached, BEGINNING + self.settings.lateness) - self.settings.lateness
        return min(reached, self.models.read_to, self.records_to)
