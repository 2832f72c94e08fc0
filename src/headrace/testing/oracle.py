"""What must come out of a scenario, worked out one record at a time from the whole model stream.

It knows nothing of batches, loading, waiting or crashes: under ``ordered`` and ``event-time`` these may not matter. It
is written for being read beside the contract, not for speed:

1. A message counts with its append time, which never falls. A publication whose id its slot has seen counts for
   nothing.
2. A publication is accepted if its bytes are a sound model, its golden records agree, its digest is right, its switch
   mode is its slot's, and its outputs are those that the slot is held to: those of the last accepted publication that
   replaced the signature, else of the first accepted one; retiring the slot forgets them.
3. A roll back is a publication of bytes that the slot was offered before: of the last ``retain`` different ones, less
   those retired. It keeps the name and version of what it goes back to, and may change the outputs.
4. A slot's course is its accepted publications and its commands in the order of (moment, position). A record meets what
   serves at its moment.
5. A record is late where that had ended, by the record times that came before it in its partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from headrace.core.settings import OrderedBy
from headrace.records import (
    Descriptor,
    NoModelPolicy,
    Pin,
    Publish,
    Retire,
    Rollback,
    SlotKey,
    SwitchMode,
    Unpin,
)
from headrace.testing.scenario import digest_of
from headrace.testing.toymodels import Recipe

if TYPE_CHECKING:
    from headrace.core.settings import JoinSettings
    from headrace.records import ModelMessage
    from headrace.testing.scenario import Row, Scenario

NEVER = 2**63 - 1

Place = tuple[int, int]
"""A record: its partition and its place in it."""


@dataclass(frozen=True, slots=True)
class Version:
    """An accepted publication."""

    name: str
    version: str
    digest: str
    position: int
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one record in one slot; ``slot`` is None where it addressed none."""

    kind: str
    slot: SlotKey | None
    code: str = ""
    version: tuple[str, str, str, int] | None = None
    output: tuple[str, int] | None = None


HELD = Fate("held", None)
"""The record waits for ever."""


@dataclass(frozen=True, slots=True)
class Course:
    """What serves at one moment, and what a pin keeps from serving."""

    active: bool = False
    serving: Version | None = None
    pinned: bool = False
    staged: Version | None = None

    def after(self, what: Version | Pin | Unpin | Retire) -> Course:
        """Give the course after one publication or command."""
        match what:
            case Pin():
                return replace(self, pinned=True)
            case Unpin() if self.staged is None:
                return replace(self, pinned=False)
            case Unpin():
                return Course(active=True, serving=self.staged)
            case Retire():
                return Course()
            case Version() if self.pinned:
                return replace(self, staged=what)
            case Version():
                return replace(self, active=True, serving=what)


@dataclass(slots=True)
class SlotLog:
    """What the model stream says about one slot."""

    key: SlotKey
    mode: SwitchMode
    declared: bool
    steps: list[tuple[int, int, Version | Pin | Unpin | Retire]] = field(default_factory=list)
    accepted: dict[int, Version] = field(default_factory=dict)

    def at(self, moment: int) -> Course:
        """Give the course at a moment."""
        course = Course(active=self.declared)
        for when, _, what in sorted(self.steps, key=lambda step: step[:2]):
            if when <= moment:
                course = course.after(what)
        return course

    def changes_after(self, moment: int) -> list[int]:
        """Give the later moments at which what serves, or whether anything may, changes."""
        found, course = [], self.at(moment)
        for when in sorted({when for when, _, _ in self.steps if when > moment}):
            following = self.at(when)
            if (following.active, following.serving) != (course.active, course.serving):
                found.append(when)
            course = following
        return found


@dataclass(slots=True)
class _Reader:
    """Reads the model stream for one slot: ids, what it is held to, what it may go back to."""

    scenario: Scenario
    log: SlotLog
    ids: set[str] = field(default_factory=set)
    held_to: str | None = None
    offered: dict[str, Descriptor] = field(default_factory=dict)

    def read(self, message: ModelMessage, appended: int) -> None:
        moment = appended if self._by_time() else message.position
        match message.command:
            case Publish(descriptor):
                self._publish(descriptor, message.position, appended)
            case Rollback() as command:
                self._roll_back(command, message.position, appended)
            case Retire(digest=digest) if digest:
                self.offered.pop(digest, None)
            case Retire() as command:
                self.held_to = None
                self.log.steps.append((moment, message.position, command))
            case Pin() | Unpin() as command:
                self.log.steps.append((moment, message.position, command))

    def _by_time(self) -> bool:
        by_arrival = self.scenario.settings.ordered_by is OrderedBy.ARRIVAL
        return self.log.mode is SwitchMode.EVENT_TIME or (self.log.mode is SwitchMode.ORDERED and not by_arrival)

    def _seen(self, publication_id: str) -> bool:
        seen = publication_id in self.ids
        self.ids |= {publication_id} - {""}
        return seen

    def _publish(self, descriptor: Descriptor, position: int, appended: int) -> None:
        if self._seen(descriptor.publication_id):
            return
        judged = self.scenario.judge(descriptor)
        right_mode = descriptor.switch in {None, self.log.mode}
        digest = descriptor.digest
        if not digest and right_mode and isinstance(judged, Recipe):
            digest = digest_of(self.scenario.fetch(descriptor))
        named = replace(descriptor, digest=digest, version=descriptor.version or str(position))
        if digest:
            self._offer(named)
        if isinstance(judged, Recipe) and right_mode:
            self._accept(named, judged, position, appended)

    def _roll_back(self, command: Rollback, position: int, appended: int) -> None:
        if self._seen(command.publication_id) or command.digest not in self.offered:
            return
        again = replace(self.offered[command.digest], valid_from=command.valid_from, replaces_signature=True)
        self._offer(again)
        judged = self.scenario.judge(again)
        if isinstance(judged, Recipe):
            self._accept(again, judged, position, appended)

    def _offer(self, descriptor: Descriptor) -> None:
        self.offered.pop(descriptor.digest, None)
        self.offered[descriptor.digest] = descriptor
        if len(self.offered) > self.scenario.settings.retain:
            del self.offered[next(iter(self.offered))]

    def _accept(self, descriptor: Descriptor, recipe: Recipe, position: int, appended: int) -> None:
        if self.held_to not in {None, recipe.output} and not descriptor.replaces_signature:
            return
        self.held_to = recipe.output
        version = Version(descriptor.name, descriptor.version, descriptor.digest, position, recipe)
        moment = appended if self._by_time() else position
        if self.log.mode is SwitchMode.EVENT_TIME and descriptor.valid_from is not None:
            moment = max(moment, descriptor.valid_from)
        self.log.steps.append((moment, position, version))
        self.log.accepted[position] = version


def read_slots(scenario: Scenario) -> dict[SlotKey, SlotLog]:
    """Read the model stream to its end."""
    readers: dict[SlotKey, _Reader] = {}

    def reader(key: SlotKey, asked: SwitchMode | None) -> _Reader:
        if key not in readers:
            log = SlotLog(key, scenario.settings.mode(key, asked), key in scenario.settings.slots)
            readers[key] = _Reader(scenario, log)
        return readers[key]

    for key in scenario.settings.slots:
        reader(key, None)
    appended = 0
    for message in scenario.messages:
        appended = max(appended, message.appended_at)
        match message.command:
            case Publish(descriptor):
                reader(descriptor.slot_key, descriptor.switch).read(message, appended)
            case Rollback() | Pin() | Unpin() | Retire() as command if command.slot in readers:
                readers[command.slot].read(message, appended)
    return {key: each.log for key, each in readers.items()}


@dataclass(frozen=True, slots=True)
class Met:
    """A record and what counts for its switch: its time, the greatest before it, and under ``arrival`` its moment."""

    row: Row
    before: int | None
    arrived: int = -1

    @property
    def running(self) -> int | None:
        """The greatest time of the partition so far."""
        times = [time for time in (self.row.time, self.before) if time is not None]
        return max(times, default=None)


@dataclass(slots=True)
class Oracle:
    """Says what must come out. ``arrived`` holds the position read when each record came (``ordered`` by arrival)."""

    scenario: Scenario
    arrived: Mapping[Place, int] = field(default_factory=dict)
    slots: dict[SlotKey, SlotLog] = field(init=False)

    def __post_init__(self) -> None:
        self.slots = read_slots(self.scenario)

    @property
    def settings(self) -> JoinSettings:
        """The scenario's configuration."""
        return self.scenario.settings

    def mode_of(self, data_type: str) -> SwitchMode:
        """Give the mode in which the slots of a data type switch."""
        own = [key for key in self.settings.slots if key.data_type == data_type]
        return self.settings.mode(own[0] if own else SlotKey(data_type), None)

    def met(self, place: Place) -> Met:
        """Give a record with what came before it in its partition."""
        partition, index = place
        rows = self.scenario.partitions[partition]
        times = [row.time for row in rows[:index] if row.time is not None]
        return Met(rows[index], max(times, default=None), self.arrived.get(place, -1))

    def expect(self, place: Place) -> frozenset[Fate] | None:
        """Give the fates of a record, one for each slot that it addresses; None where ``ready`` leaves them open."""
        met = self.met(place)
        if not met.row.data_type:
            return frozenset({Fate("dead", None, "undecodable")})
        if self.mode_of(met.row.data_type) is SwitchMode.READY:
            return None
        moment = self._moment(met)
        of_type = [slot for key, slot in self.slots.items() if key.data_type == met.row.data_type]
        if moment is None:
            declared = [Fate("dead", slot.key, "no-event-time") for slot in of_type if slot.declared]
            return frozenset(declared or {Fate("dead", None, "no-event-time")})
        fates = [self._fate(slot, met, moment) for slot in of_type if slot.at(moment).active]
        if not fates:
            fates = [self._unaddressed(of_type, met, moment)]
        return frozenset({HELD} if HELD in fates else fates)

    def _moment(self, met: Met) -> int | None:
        if self.mode_of(met.row.data_type) is SwitchMode.EVENT_TIME:
            return met.row.time
        return met.arrived if self.settings.ordered_by is OrderedBy.ARRIVAL else met.running

    def _fate(self, slot: SlotLog, met: Met, moment: int) -> Fate:
        serving = slot.at(moment).serving
        policy = self.settings.policy(slot.key)
        if self._late(slot, met, moment):
            return Fate("dead", slot.key, "late-record")
        if serving is not None:
            return score(slot.key, serving, met.row.x)
        if policy is NoModelPolicy.SKIP:
            return Fate("skipped", slot.key)
        if policy is NoModelPolicy.DEAD_LETTER:
            return Fate("dead", slot.key, "no-model")
        following = (slot.at(when).serving for when in slot.changes_after(moment))
        first = next((version for version in following if version is not None), None)
        return HELD if first is None else score(slot.key, first, met.row.x)

    def _late(self, slot: SlotLog, met: Met, moment: int) -> bool:
        if slot.mode is not SwitchMode.EVENT_TIME or met.before is None:
            return False
        ends = slot.changes_after(moment)
        return bool(ends) and ends[0] <= met.before - self.settings.lateness

    def _unaddressed(self, of_type: list[SlotLog], met: Met, moment: int) -> Fate:
        key = SlotKey(met.row.data_type)
        policy = self.settings.policy(key)
        if policy is NoModelPolicy.SKIP:
            return Fate("skipped", None)
        if policy is NoModelPolicy.DEAD_LETTER:
            return Fate("dead", None, "no-model")
        begins = [(when, slot.key, slot) for slot in of_type for when in slot.changes_after(moment)[:1]]
        if not begins:
            return HELD
        when, _, slot = min(begins, key=lambda begin: begin[:2])
        if self._late(slot, met, moment):
            return Fate("dead", slot.key, "late-record")
        version = slot.at(when).serving
        assert version is not None
        return score(slot.key, version, met.row.x)


def score(slot: SlotKey, version: Version, x: int) -> Fate:
    """Give what an accepted version makes of a record."""
    named = (version.name, version.version, version.digest, version.position)
    output = version.recipe.expect(x)
    if output is None:
        return Fate("dead", slot, "scoring-failed", named)
    return Fate("scored", slot, "", named, (version.recipe.output, output))
