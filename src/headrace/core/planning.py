"""Where the rows of a batch go: which slots they address, what they meet there, and from which row on they wait.

Rules:

1. A row leaves whole: it waits as long as it must in any one of its slots.
2. Where slots of a row's data type may switch by time, the row waits until the model stream has been read up to its
   time, also if it addresses no slot: one may still have begun before it.
3. Where a partition has used a model in a slot that is not known here yet, its rows wait for it.
4. A row that addresses no slot goes by the policy of its data type's unnamed slot. Where slots switch by time and it
   has none, it is a dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from headrace.core.assignment import (
    ELSEWHERE,
    NO_MODEL,
    NO_TIME,
    Assignment,
    Moments,
    assign_by_moment,
    assign_serving,
    first,
)
from headrace.core.settings import JoinSettings, OrderedBy
from headrace.core.timeline import BEGINNING, END
from headrace.records import NoModelPolicy, SlotKey, SwitchMode

if TYPE_CHECKING:
    import numpy.typing as npt

    from headrace.core.models import Models
    from headrace.core.partition import Partition, Pending
    from headrace.core.slot import Slot
    from headrace.records import Batch, Group, Int64Array

    Mask = npt.NDArray[np.bool_]


@dataclass(slots=True, eq=False)
class Share:
    """One slot's part of a group: what each of the group's rows from ``offset`` on meets there."""

    slot: Slot
    group: Group
    offset: int
    assignment: Assignment


@dataclass(frozen=True, slots=True, eq=False)
class Lost:
    """Rows of the batch that address no slot, and why nothing scores them (``NO_MODEL`` or ``NO_TIME``)."""

    data_type: str
    rows: Int64Array
    code: int


@dataclass(slots=True, eq=False)
class Plan:
    """What is to be done with a batch: rows from ``limit`` on wait."""

    limit: int
    shares: list[Share] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def wait_from(self, rows: Int64Array, ready: int) -> None:
        """Let the rows of a group wait from their place ``ready`` on."""
        if ready < len(rows):
            self.limit = min(self.limit, int(rows[ready]))


class Planner:
    """Plans batches. It looks at the models and changes nothing."""

    def __init__(self, settings: JoinSettings, models: Models) -> None:
        self.settings = settings
        self.models = models
        self._by_time: dict[str, frozenset[SwitchMode]] = {}

    def plan(self, partition: Partition, pending: Pending) -> Plan:
        """Plan the rows of a pending batch that are still to be done."""
        plan = Plan(len(pending.batch))
        times = Times(pending.batch, partition.max_time, pending.start)
        for group in pending.batch.groups:
            offset = int(np.searchsorted(group.rows, pending.start)) if pending.start else 0
            rows = group.rows[offset:] if offset else group.rows
            if len(rows):
                _Part(self, partition, pending, times, plan, group, offset, rows).place()
        return plan

    def modes_by_time(self, data_type: str) -> frozenset[SwitchMode]:
        """Give the modes that go by time in which slots of a data type may switch, by the configuration."""
        known = self._by_time.get(data_type)
        if known is None:
            keys = [key for key in self.settings.slots if key.data_type == data_type]
            modes = {self.settings.switch, *(self.settings.mode(key, None) for key in keys)}
            by_time = {SwitchMode.EVENT_TIME}
            if self.settings.ordered_by is OrderedBy.TIMESTAMP:
                by_time.add(SwitchMode.ORDERED)
            known = self._by_time[data_type] = frozenset(modes & by_time)
        return known


@dataclass(slots=True, eq=False)
class _Part:
    """One group of a batch in the making of its plan."""

    planner: Planner
    partition: Partition
    pending: Pending
    times: Times
    plan: Plan
    group: Group
    offset: int
    rows: Int64Array

    def place(self) -> None:
        """Give each row to its slots."""
        slots = self.planner.models.of_type(self.group.data_type)
        shares = [Share(slot, self.group, self.offset, self.assign(slot)) for slot in slots]
        self.plan.shares += shares
        for share in shares:
            self.plan.wait_from(self.rows, share.assignment.ready)
        self._await_stream()
        self._await_slots()
        if not any(share.assignment.of_row is None for share in shares):
            self._place_lost(shares)

    def assign(self, slot: Slot, stray: Mask | None = None) -> Assignment:
        """Assign the rows in one slot."""
        policy = self.planner.settings.policy(slot.key)
        if slot.mode is SwitchMode.READY:
            return assign_serving(slot, len(self.rows), self.partition.floors.get(slot.key, -1), policy)
        return assign_by_moment(slot, self._moments(slot.mode), policy, stray)

    def _moments(self, mode: SwitchMode) -> Moments:
        known, rows = self.planner.models.read_to, self.rows
        if mode is SwitchMode.EVENT_TIME:
            return Moments(self.times.each(rows), self.times.passed(rows, self.planner.settings.lateness), known)
        if self.planner.settings.ordered_by is OrderedBy.TIMESTAMP:
            return Moments(self.times.running(rows), None, known)
        return Moments(np.full(len(rows), self.pending.arrived, dtype=np.int64), None, END)

    def _await_stream(self) -> None:
        modes = self.planner.modes_by_time(self.group.data_type)
        if modes:
            ordered = SwitchMode.ORDERED in modes
            moments = self.times.running(self.rows) if ordered else self.times.each(self.rows)
            self.plan.wait_from(self.rows, first(moments > self.planner.models.read_to))

    def _await_slots(self) -> None:
        known = self.planner.models.slots
        if any(key.data_type == self.group.data_type and key not in known for key in self.partition.floors):
            self.plan.wait_from(self.rows, 0)

    def _place_lost(self, shares: list[Share]) -> None:
        lost = np.ones(len(self.rows), dtype=bool)
        for share in shares:
            lost &= share.assignment.of_row == ELSEWHERE
        if not lost.any():
            return
        modes = self.planner.modes_by_time(self.group.data_type)
        if modes:
            ordered = SwitchMode.ORDERED in modes
            moments = self.times.running(self.rows) if ordered else self.times.each(self.rows)
            timeless = lost & (moments == BEGINNING)
            self._lose(timeless, NO_TIME)
            lost &= ~timeless
        if self.planner.settings.policy(SlotKey(self.group.data_type)) is NoModelPolicy.HOLD:
            self._hold_lost(shares, lost)
        else:
            self._lose(lost, NO_MODEL)

    def _lose(self, lost: Mask, code: int) -> None:
        if lost.any():
            self.plan.lost.append(Lost(self.group.data_type, self.rows[lost], code))

    def _hold_lost(self, shares: list[Share], lost: Mask) -> None:
        """Let each row that addresses no slot wait for the slot that begins first after its moment."""
        soonest = np.full(len(self.rows), END, dtype=np.int64)
        holder = np.full(len(self.rows), -1, dtype=np.int64)
        for place, share in sorted(enumerate(shares), key=lambda each: each[1].slot.key):
            if share.slot.mode is SwitchMode.READY:
                continue
            segments = share.slot.timeline.segments()
            segment_of = segments.each(self._moments(share.slot.mode).each)
            begins = np.array([segments.activation(segment) for segment in range(len(segments.starts))])[segment_of]
            holder[begins < soonest] = place
            soonest = np.minimum(soonest, begins)
        self.plan.wait_from(self.rows, first(lost & (holder < 0)))
        for place in np.unique(holder[lost & (holder >= 0)]).tolist():
            share = shares[place]
            share.assignment = self.assign(share.slot, lost & (holder == place))
            self.plan.wait_from(self.rows, share.assignment.ready)


@dataclass(slots=True, eq=False)
class Times:
    """The times of a batch's rows from ``start`` on; ``reached`` is the greatest before. Computed when a slot asks."""

    batch: Batch
    reached: int
    start: int
    _greatest: Int64Array | None = None

    def each(self, rows: Int64Array) -> Int64Array:
        """Give the rows' own times; ``BEGINNING`` where a row has none."""
        if self.batch.times is None:
            return np.full(len(rows), BEGINNING, dtype=np.int64)
        return self.batch.times[rows]

    def running(self, rows: Int64Array) -> Int64Array:
        """Give the greatest time of the partition up to and with each row."""
        return self._all()[rows - self.start + 1]

    def passed(self, rows: Int64Array, lateness: int) -> Int64Array:
        """Give the moment up to which versions are kept no longer when each row comes."""
        before = self._all()[rows - self.start]
        passed: Int64Array = np.maximum(before, BEGINNING + lateness) - lateness
        return passed

    def _all(self) -> Int64Array:
        if self._greatest is None:
            times = self.batch.times
            count = len(self.batch) - self.start
            own = np.full(count, BEGINNING, dtype=np.int64) if times is None else times[self.start :]
            self._greatest = np.maximum.accumulate(np.concatenate(([self.reached], own)))
        return self._greatest
