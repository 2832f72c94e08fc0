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

from headrace.core.assignment import (
    ELSEWHERE,
    LATE,
    NO_MODEL,
    NO_TIME,
    Assignment,
    Moments,
    assign_by_moment,
    assign_serving,
    first,
)
from headrace.core.models import Models
from headrace.core.partition import Partition, Pending
from headrace.core.scoring import Scorer, assemble_results, dead_letters, score_assigned
from headrace.core.settings import JoinSettings, OrderedBy
from headrace.core.states import State
from headrace.core.statistics import Counts
from headrace.core.timeline import BEGINNING, END
from headrace.records import DeadLetters, Failure, NoModelPolicy, SlotKey, SwitchMode

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from headrace.abc.model import Model
    from headrace.core.partition import PartitionKey
    from headrace.core.slot import Slot
    from headrace.records import Batch, Group, Int64Array, Results

    Mask = npt.NDArray[np.bool_]

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


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """One slot's part of a group: which candidate each of the rows from the pending start on meets."""

    slot: Slot
    group: Group
    offset: int
    assignment: Assignment


@dataclass(slots=True)
class Join:
    """Records and models joined.

    ``clock`` gives milliseconds since the epoch, ``timer`` nanoseconds; both are the engine's.
    """

    settings: JoinSettings
    clock: Clock
    timer: Clock
    models: Models = field(init=False)
    partitions: dict[PartitionKey, Partition] = field(default_factory=dict)
    unaddressed: Counts = field(default_factory=Counts)
    _scorer: Scorer = field(init=False)

    def __post_init__(self) -> None:
        self.models = Models(self.settings, self.clock)
        self._scorer = Scorer(self.timer, self.settings.exclude)

    def assign(self, key: PartitionKey) -> Partition:
        """Take a partition in; its progress is in ``done`` (-1: from the beginning)."""
        return self.partitions.setdefault(key, Partition(key))

    def finish(self, key: PartitionKey) -> None:
        """Learn that a partition has no more records."""
        self.partitions[key].finished = True

    def wants(self, key: PartitionKey) -> bool:
        """Whether more of a partition's records may be offered: the back-pressure."""
        return self.partitions[key].waiting < self.settings.queue_records

    def offer(self, batch: Batch) -> None:
        """Take in the next records of their partition."""
        if len(batch):
            partition = self.assign((batch.raw.source, batch.raw.partition))
            partition.queue.append(Pending(batch, self.models.position))

    def advance(self) -> Outcome:
        """Score what can be scored now: at most the first batch of each partition."""
        outcome = Outcome()
        for partition in self.partitions.values():
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
        limit, shares, stray = self._plan(partition, pending)
        if limit <= start:
            return
        scored_at = self.clock()
        self._fail(batch, start, limit, outcome)
        for share in shares:
            self._score(partition, share, batch, limit, scored_at, outcome)
        for data_type, rows in stray:
            self._stray(batch, data_type, rows[rows < limit], outcome)
        outcome.rows += limit - start
        partition.done = int(batch.raw.offsets[limit - 1])
        if batch.times is not None:
            partition.max_time = max(partition.max_time, int(batch.times[start:limit].max()))
        pending.start = limit
        if limit == len(batch):
            partition.queue.popleft()

    def _plan(self, partition: Partition, pending: Pending) -> tuple[int, list[Share], list[tuple[str, Int64Array]]]:
        """Assign every row from the pending start on; the first that must wait limits what leaves now."""
        batch, start = pending.batch, pending.start
        limit = len(batch)
        shares: list[Share] = []
        stray: list[tuple[str, Int64Array]] = []
        times = _Times(batch, partition.max_time, start)
        for group in batch.groups:
            offset = int(np.searchsorted(group.rows, start)) if start else 0
            rows = group.rows[offset:]
            if not len(rows):
                continue
            addressed: np.ndarray | None = np.zeros(len(rows), dtype=bool)
            for slot in self.models.of_type(group.data_type):
                assignment = self._assign(slot, partition, pending, rows, times)
                shares.append(Share(slot, group, offset, assignment))
                if assignment.ready < len(rows):
                    limit = min(limit, int(rows[assignment.ready]))
                if assignment.single:
                    addressed = None
                elif addressed is not None:
                    addressed |= assignment.of_row != ELSEWHERE
            if addressed is not None and not addressed.all():
                limit = min(limit, self._plan_stray(group, offset, ~addressed, pending, times, shares, stray))
        return limit, shares, stray

    def _assign(
        self, slot: Slot, partition: Partition, pending: Pending, rows: Int64Array, times: _Times
    ) -> Assignment:
        policy = self.settings.policy(slot.key)
        if slot.mode is SwitchMode.READY:
            floor = partition.floors.get(slot.key, -1)
            return assign_serving(slot, len(rows), floor if floor > slot.retired_at else -1, policy)
        return assign_by_moment(slot, self._moments(slot.mode, pending, rows, times), policy)

    def _moments(self, mode: SwitchMode, pending: Pending, rows: Int64Array, times: _Times) -> Moments:
        known = self.models.read_to
        if mode is SwitchMode.EVENT_TIME:
            return Moments(times.each(rows), times.before(rows) - self.settings.lateness, known)
        if self.settings.ordered_by is OrderedBy.TIMESTAMP:
            return Moments(times.running(rows), times.before(rows), known)
        arrived = np.full(len(rows), pending.arrived, dtype=np.int64)
        return Moments(arrived, arrived, END)

    def _plan_stray(
        self,
        group: Group,
        offset: int,
        lost: Mask,
        pending: Pending,
        times: _Times,
        shares: list[Share],
        stray: list[tuple[str, Int64Array]],
    ) -> int:
        """Plan the rows that address no slot; give the first of the batch's rows that must wait."""
        rows = group.rows[offset:]
        key = SlotKey(group.data_type)
        if self.settings.policy(key) is not NoModelPolicy.HOLD:
            stray.append((group.data_type, rows[lost]))
            return self._unread(self.settings.mode(key, None), rows[lost], times)
        holder = self.models.first_of_type(group.data_type)
        if holder is None or holder.mode is SwitchMode.READY:
            return int(rows[first(lost)])
        moments = self._moments(holder.mode, pending, rows, times)
        assignment = assign_by_moment(holder, moments, NoModelPolicy.HOLD, lost)
        index = next(place for place, share in enumerate(shares) if share.slot is holder and share.group is group)
        shares[index] = Share(holder, group, offset, assignment)
        return int(rows[assignment.ready]) if assignment.ready < len(rows) else END

    def _unread(self, mode: SwitchMode, rows: Int64Array, times: _Times) -> int:
        """Give the first row up to whose time the model stream has not been read."""
        by_arrival = self.settings.ordered_by is OrderedBy.ARRIVAL
        if mode is SwitchMode.READY or (mode is SwitchMode.ORDERED and by_arrival):
            return END
        moments = times.each(rows) if mode is SwitchMode.EVENT_TIME else times.running(rows)
        early = first(moments > self.models.read_to)
        return int(rows[early]) if early < len(rows) else END

    def _fail(self, batch: Batch, start: int, limit: int, outcome: Outcome) -> None:
        failures = tuple(failure for failure in batch.failures if start <= failure.row < limit)
        if failures:
            self.unaddressed.received += len(failures)
            self.unaddressed.dead_lettered += len(failures)
            outcome.dead_letters.append(DeadLetters(batch, None, failures))

    def _stray(self, batch: Batch, data_type: str, rows: Int64Array, outcome: Outcome) -> None:
        """Account for rows that address no slot."""
        key = SlotKey(data_type)
        self.unaddressed.received += len(rows)
        if self.settings.policy(key) is NoModelPolicy.DEAD_LETTER:
            self._refuse(batch, None, key, rows, NO_MODEL, outcome)
            self.unaddressed.dead_lettered += len(rows)
        else:
            self.unaddressed.skipped += len(rows)
            outcome.skipped[key] = outcome.skipped.get(key, 0) + len(rows)

    def _score(
        self, partition: Partition, share: Share, batch: Batch, limit: int, scored_at: int, outcome: Outcome
    ) -> None:
        slot, assignment = share.slot, share.assignment
        rows = share.group.rows[share.offset :]
        count = int(np.searchsorted(rows, limit)) if limit < len(batch) else len(rows)
        if not count:
            return
        rows = rows[:count]
        self._start_serving(assignment, count)
        columns = share.group.columns
        if share.offset or count < columns.num_rows:
            columns = columns.slice(share.offset, count)
        portions, refused = score_assigned(self._scorer, assignment, columns, rows)
        outcome.dead_letters += dead_letters(batch, slot.key, refused)
        counts = slot.counts
        failed = sum(len(failures) for _, failures in refused)
        if portions:
            outcome.results += assemble_results(batch, slot.key, portions, scored_at)
            used = max(portion.version.position for portion in portions)
            partition.floors[slot.key] = max(used, partition.floors.get(slot.key, -1))
        scored = sum(len(portion.rows) for portion in portions)
        counts.received += scored + failed
        counts.scored += scored
        counts.dead_lettered += failed
        if not assignment.single:
            self._unscored(slot, batch, rows, assignment.of_row[:count], outcome)

    def _unscored(self, slot: Slot, batch: Batch, rows: Int64Array, codes: Int64Array, outcome: Outcome) -> None:
        """Account for the rows that met no candidate."""
        policy = self.settings.policy(slot.key)
        for code in _REASONS:
            lost = rows[codes == code]
            if not len(lost):
                continue
            slot.counts.received += len(lost)
            if code == NO_MODEL and policy is not NoModelPolicy.DEAD_LETTER:
                slot.counts.skipped += len(lost)
                outcome.skipped[slot.key] = outcome.skipped.get(slot.key, 0) + len(lost)
            else:
                slot.counts.dead_lettered += len(lost)
                self._refuse(batch, slot.key, slot.key, lost, code, outcome)

    def _refuse(
        self, batch: Batch, slot: SlotKey | None, named: SlotKey, rows: Int64Array, code: int, outcome: Outcome
    ) -> None:
        short, reason = _REASONS[code]
        told = reason.format(slot=named)
        failures = tuple(Failure(row, short, told) for row in rows.tolist())
        outcome.dead_letters.append(DeadLetters(batch, slot, failures))

    def _start_serving(self, assignment: Assignment, count: int) -> None:
        for index, candidate in enumerate(assignment.candidates):
            if candidate.state is State.STAGED and (assignment.of_row[:count] == index).any():
                self.models.start_serving(candidate)

    def _watermarks(self) -> dict[SlotKey, int]:
        modes = {key: slot.mode for key, slot in self.models.slots.items() if slot.mode is not SwitchMode.READY}
        return {key: self._watermark(mode) for key, mode in modes.items()}

    def _watermark(self, mode: SwitchMode) -> int:
        """Give the moment before which no partition has a row to come."""
        open_ones = [each for each in self.partitions.values() if not each.finished or each.queue]
        arrival = mode is SwitchMode.ORDERED and self.settings.ordered_by is OrderedBy.ARRIVAL
        if arrival:
            heads = [each.queue[0].arrived for each in open_ones if each.queue]
            return min(heads, default=self.models.position)
        reached = min((each.max_time for each in open_ones), default=self.models.read_to)
        if mode is SwitchMode.EVENT_TIME:
            return max(BEGINNING, reached - self.settings.lateness) if reached > BEGINNING else BEGINNING
        return reached


@dataclass(slots=True)
class _Times:
    """The times of a batch's rows; computed when a slot asks."""

    batch: Batch
    reached: int
    start: int
    _running: Int64Array | None = None

    def each(self, rows: Int64Array) -> Int64Array:
        """Give the rows' own times; ``BEGINNING`` where a row has none."""
        if self.batch.times is None:
            return np.full(len(rows), BEGINNING, dtype=np.int64)
        return self.batch.times[rows]

    def running(self, rows: Int64Array) -> Int64Array:
        """Give the greatest time of the partition up to and with each row."""
        return self._all()[rows - self.start + 1]

    def before(self, rows: Int64Array) -> Int64Array:
        """Give the greatest time of the partition before each row."""
        return self._all()[rows - self.start]

    def _all(self) -> Int64Array:
        if self._running is None:
            times = self.batch.times
            count = len(self.batch) - self.start
            own = np.full(count, BEGINNING, dtype=np.int64) if times is None else times[self.start :]
            self._running = np.maximum.accumulate(np.concatenate(([self.reached], own)))
        return self._running
