"""One view of an engine: its slots, the versions of their models, and what became of the records.

Rules:

1. A view is a value: nothing in it changes once it is made, so any thread may read it.
2. Its numbers are those of the join between two batches: they agree with each other, and with the results written.
3. Views of instances that share a model stream merge: counts and histograms add up, the rest is that of the first
   instance that tells.
4. Times of day are milliseconds since the epoch, durations nanoseconds, memory bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from headrace.core.distributions import Distribution, add_distributions
from headrace.core.spreads import add_spread
from headrace.core.states import ACCEPTED, State
from headrace.core.statistics import Counts, Timing
from headrace.records import FieldProfile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from headrace.core.candidate import Candidate
    from headrace.core.join import Join
    from headrace.core.memory import Memory
    from headrace.core.slot import Slot
    from headrace.core.spreads import Spread
    from headrace.records import Field


class CountView(msgspec.Struct, frozen=True, rename={"received": "in"}):
    """What became of records: in = scored + dead-lettered + skipped."""

    received: int = 0
    scored: int = 0
    dead_lettered: int = 0
    skipped: int = 0

    def __add__(self, other: CountView) -> CountView:
        return CountView(
            self.received + other.received,
            self.scored + other.scored,
            self.dead_lettered + other.dead_lettered,
            self.skipped + other.skipped,
        )

    @property
    def balanced(self) -> bool:
        """Whether everything that came in is accounted for."""
        return self.received == self.scored + self.dead_lettered + self.skipped


class FieldView(msgspec.Struct, frozen=True):
    """An input or output of a model."""

    name: str
    type: str
    shape: tuple[int, ...]
    required: bool


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """One publication and what its model did. ``inputs`` and ``outputs`` are None where it was never loaded here."""

    data_type: str
    slot: str
    name: str
    version: str
    description: str
    model_type: str
    digest: str
    position: int
    state: State
    reason: str
    location: str
    golden_records: int
    mapping: dict[str, tuple[str, ...]]
    since: int | None
    until: int | None
    records: int
    errors: int
    last_error: str
    timing: Timing
    load_ns: int
    verify_ns: int
    warm_ns: int
    memory_bytes: int
    pinned: bool = False
    retained: bool = False
    inputs: tuple[FieldView, ...] | None = None
    outputs: tuple[FieldView, ...] | None = None
    profile: tuple[FieldProfile, ...] = ()
    spread: list[list[int]] = []
    distributions: dict[str, Distribution] = {}


class SlotView(msgspec.Struct, frozen=True, kw_only=True):
    """One place for a serving model; models are named by their position in the model stream."""

    data_type: str
    slot: str
    mode: str
    active: bool
    pinned: bool
    serving: int | None
    staged: int | None
    counts: CountView

    @property
    def key(self) -> tuple[str, str]:
        """The slot's key as a pair."""
        return self.data_type, self.slot


class PartitionView(msgspec.Struct, frozen=True):
    """How far a partition of the records was read; ``waiting`` rows wait for a model."""

    source: str
    partition: int
    done: int
    waiting: int


class View(msgspec.Struct, frozen=True, kw_only=True):
    """An engine at one moment. ``position`` is how far the model stream was read."""

    at: int
    position: int
    slots: tuple[SlotView, ...] = ()
    versions: tuple[VersionView, ...] = ()
    partitions: tuple[PartitionView, ...] = ()
    unaddressed: CountView = CountView()

    @property
    def total(self) -> CountView:
        """All counts added up."""
        return sum((slot.counts for slot in self.slots), self.unaddressed)

    def find(self, position: int | None) -> VersionView | None:
        """Find the publication at a position."""
        return next((each for each in self.versions if each.position == position), None)

    def find_slot(self, data_type: str, slot: str) -> SlotView | None:
        """Find a slot."""
        return next((each for each in self.slots if each.key == (data_type, slot)), None)

    def versions_of(self, slot: SlotView) -> list[VersionView]:
        """List the publications of one slot."""
        return [each for each in self.versions if (each.data_type, each.slot) == slot.key]


def take_view(join: Join, memory: Memory) -> View:
    """Take a view between two batches, on the engine's thread; what is over is made once with the same memory."""
    memory.turn()
    slots = sorted(join.models.slots.values(), key=lambda slot: slot.key)
    return View(
        at=join.clock(),
        position=join.models.position,
        slots=tuple(_view_slot(slot) for slot in slots),
        versions=tuple(version for slot in slots for version in _view_versions(slot, memory)),
        partitions=tuple(
            PartitionView(*partition.key, partition.done, partition.waiting) for partition in join.partitions.values()
        ),
        unaddressed=_view_counts(join.unaddressed),
    )


def _view_slot(slot: Slot) -> SlotView:
    staged = [each.position for each in slot.live.values() if each.state is State.STAGED]
    return SlotView(
        data_type=slot.key.data_type,
        slot=slot.key.name,
        mode=str(slot.mode),
        active=slot.active,
        pinned=slot.pinned,
        serving=_find_serving(slot),
        staged=max(staged, default=None),
        counts=_view_counts(slot.counts),
    )


def _find_serving(slot: Slot) -> int | None:
    """Give the newest model that serves; by event time there may be several."""
    serving = [each.position for each in slot.live.values() if each.state is State.SERVING]
    return max(serving, default=None)


def _view_versions(slot: Slot, memory: Memory) -> list[VersionView]:
    retained = slot.retained
    over = [memory.recall(each, _view_candidate) for each in slot.history]
    alive = [_view_candidate(each) for each in slot.live.values()]
    pinned = slot.pinned
    told = [
        each
        if (kept := each.digest in retained and each.state is not State.REJECTED) == each.retained and not pinned
        else msgspec.structs.replace(each, retained=kept, pinned=pinned)
        for each in (*over, *alive)
    ]
    return sorted(told, key=lambda each: each.position)


def _view_counts(counts: Counts) -> CountView:
    return CountView(counts.received, counts.scored, counts.dead_lettered, counts.skipped)


def _view_candidate(candidate: Candidate) -> VersionView:
    descriptor, numbers = candidate.descriptor, candidate.settle_samples()
    model = candidate.model if candidate.state in ACCEPTED else None
    return VersionView(
        data_type=candidate.slot.data_type,
        slot=candidate.slot.name,
        name=descriptor.name,
        version=candidate.version.version,
        description=descriptor.description,
        model_type=descriptor.model_type,
        digest=candidate.digest,
        position=candidate.position,
        state=candidate.state,
        reason=candidate.reason,
        location=descriptor.location,
        golden_records=len(descriptor.golden),
        mapping=dict(descriptor.mapping),
        since=numbers.since,
        until=numbers.until,
        records=numbers.records,
        errors=numbers.errors,
        last_error=numbers.last_error,
        timing=_copy(numbers.timing),
        load_ns=numbers.load_ns,
        verify_ns=numbers.verify_ns,
        warm_ns=numbers.warm_ns,
        memory_bytes=numbers.memory,
        inputs=None if model is None else _view_fields(model.signature.inputs),
        outputs=None if model is None else _view_fields(model.signature.outputs),
        profile=descriptor.profile,
        spread=[list(counts) for counts in numbers.spread],
        distributions=merge_distributions((numbers.distributions,)),
    )


def _copy(timing: Timing) -> Timing:
    return Timing(timing.count, timing.total_ns, timing.min_ns, timing.max_ns, dict(timing.buckets))


def _view_fields(fields: Iterable[Field]) -> tuple[FieldView, ...]:
    return tuple(FieldView(each.name, each.type, each.shape, each.required) for each in fields)


def merge_views(views: Sequence[View]) -> View:
    """Make one view of those of several instances. Raises ``ValueError`` without any."""
    first, *others = views
    slots = {slot.key: slot for slot in first.slots}
    versions = {(each.data_type, each.slot, each.position): each for each in first.versions}
    for view in others:
        for slot in view.slots:
            known = slots.get(slot.key)
            slots[slot.key] = slot if known is None else _merge_slots(known, slot)
        for each in view.versions:
            place = (each.data_type, each.slot, each.position)
            same = versions.get(place)
            versions[place] = each if same is None else _merge_versions(same, each)
    return View(
        at=max(view.at for view in views),
        position=max(view.position for view in views),
        slots=tuple(slots[key] for key in sorted(slots)),
        versions=tuple(versions[place] for place in sorted(versions)),
        partitions=tuple(partition for view in views for partition in view.partitions),
        unaddressed=sum((view.unaddressed for view in others), first.unaddressed),
    )


def _merge_slots(one: SlotView, other: SlotView) -> SlotView:
    newest: dict[str, Any] = {
        name: max((each for each in (getattr(one, name), getattr(other, name)) if each is not None), default=None)
        for name in ("serving", "staged")
    }
    return msgspec.structs.replace(one, counts=one.counts + other.counts, **newest)


def _merge_versions(one: VersionView, other: VersionView) -> VersionView:
    return msgspec.structs.replace(
        one,
        records=one.records + other.records,
        errors=one.errors + other.errors,
        last_error=one.last_error or other.last_error,
        timing=merge_timings((one.timing, other.timing)),
        since=min((each for each in (one.since, other.since) if each is not None), default=None),
        until=None if one.until is None or other.until is None else max(one.until, other.until),
        inputs=one.inputs or other.inputs,
        outputs=one.outputs or other.outputs,
        memory_bytes=one.memory_bytes + other.memory_bytes,
        spread=_merge_spreads(one.spread, other.spread),
        distributions=merge_distributions((one.distributions, other.distributions)),
    )


def _merge_spreads(one: Spread, other: Spread) -> Spread:
    merged: Spread = []
    for each in (one, other):
        add_spread(merged, each)
    return merged


def merge_distributions(several: Iterable[Mapping[str, Distribution]]) -> dict[str, Distribution]:
    """Add up what several counted of outputs, into a new one."""
    merged: dict[str, Distribution] = {}
    for each in several:
        add_distributions(merged, each)
    return merged


def merge_timings(timings: Iterable[Timing]) -> Timing:
    """Add up histograms, into a new one."""
    total = Timing()
    for timing in timings:
        total.merge(timing)
    return total
