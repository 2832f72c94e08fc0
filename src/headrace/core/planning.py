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
    assign_by_moment,
    assign_serving,
    first,
)
from headrace.core.moments import Moments, Times, by_arrival, by_own_time, by_running_time
from headrace.core.settings import JoinSettings, OrderedBy
from headrace.core.timeline import BEGINNING, END
from headrace.records import NoModelPolicy, SlotKey, SwitchMode

if TYPE_CHECKING:
    import numpy.typing as npt

    from headrace.core.models import Models
    from headrace.core.partition import Partition, Pending
    from headrace.core.slot import Slot
    from headrace.records import Group, Int64Array

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
        self._by_time: dict[str, SwitchMode | None] = {}

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

    def mode_by_time(self, data_type: str) -> SwitchMode | None:
        """Give the mode that goes by time in which slots of a data type may switch, by the configuration.

        Of two it is ``ordered``, whose moments are not before those of ``event-time``.
        """
        if data_type not in self._by_time:
            keys = [key for key in self.settings.slots if key.data_type == data_type]
            modes = {self.settings.switch, *(self.settings.mode(key, None) for key in keys)}
            if SwitchMode.ORDERED in modes and self.settings.ordered_by is OrderedBy.TIMESTAMP:
                self._by_time[data_type] = SwitchMode.ORDERED
            else:
                self._by_time[data_type] = SwitchMode.EVENT_TIME if SwitchMode.EVENT_TIME in modes else None
        return self._by_time[data_type]


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
    moments: dict[SwitchMode, Moments] = field(default_factory=dict)

    def place(self) -> None:
        """Give each row to its slots."""
        slots = self.planner.models.of_type(self.group.data_type)
        shares = [Share(slot, self.group, self.offset, self.assign(slot)) for slot in slots]
        self.plan.shares += shares
        addressed = False
        for share in shares:
            self.plan.wait_from(self.rows, share.assignment.ready)
            addressed |= share.assignment.of_row is None
        self._await_stream()
        self._await_slots()
        if not addressed:
            self._place_lost(shares)

    def assign(self, slot: Slot, stray: Mask | None = None) -> Assignment:
        """Assign the rows in one slot."""
        if slot.mode is SwitchMode.READY:
            return assign_serving(slot, len(self.rows), self.partition.floors.get(slot.key, -1))
        return assign_by_moment(slot, self._moments(slot.mode), stray)

    def _moments(self, mode: SwitchMode) -> Moments:
        known = self.moments.get(mode)
        if known is None:
            known = self.moments[mode] = self._find_moments(mode)
        return known

    def _find_moments(self, mode: SwitchMode) -> Moments:
        settings, known = self.planner.settings, self.planner.models.read_to
        if mode is SwitchMode.EVENT_TIME:
            return by_own_time(self.times, self.rows, settings.lateness, known)
        if settings.ordered_by is OrderedBy.TIMESTAMP:
            return by_running_time(self.times, self.rows, known)
        return by_arrival(self.pending.arrived, self.rows)

    def _await_stream(self) -> None:
        mode = self.planner.mode_by_time(self.group.data_type)
        if mode is not None:
            moments = self._moments(mode)
            if moments.high > moments.known:
                self.plan.wait_from(self.rows, first(moments.each(self.rows) > moments.known))

    def _await_slots(self) -> None:
        for key in self.partition.floors:
            if key.data_type == self.group.data_type and key not in self.planner.models.slots:
                self.plan.wait_from(self.rows, 0)

    def _place_lost(self, shares: list[Share]) -> None:
        lost = np.ones(len(self.rows), dtype=bool)
        for share in shares:
            lost &= share.assignment.of_row == ELSEWHERE
        if not lost.any():
            return
        mode = self.planner.mode_by_time(self.group.data_type)
        if mode is not None:
            timeless = lost & (self._moments(mode).each(self.rows) == BEGINNING)
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
            segment_of = segments.each(self._moments(share.slot.mode).each(self.rows))
            begins = np.array([segments.activation(segment) for segment in range(len(segments.starts))])[segment_of]
            holder[begins < soonest] = place
            soonest = np.minimum(soonest, begins)
        self.plan.wait_from(self.rows, first(lost & (holder < 0)))
        for place in np.unique(holder[lost & (holder >= 0)]).tolist():
            share = shares[place]
            share.assignment = self.assign(share.slot, lost & (holder == place))
            self.plan.wait_from(self.rows, share.assignment.ready)
