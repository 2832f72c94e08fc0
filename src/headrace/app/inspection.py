"""What a state directory tells, whether an engine holds it or not."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from headrace.core.candidate import Candidate
from headrace.core.join import Join
from headrace.core.settings import JoinSettings
from headrace.core.slot import HISTORY, Slot
from headrace.core.snapshot import CandidateState, SlotState, Snapshot, decode_snapshot, restore_snapshot
from headrace.core.states import State
from headrace.core.statistics import Counts
from headrace.engines.embedded.ledger import decode_committed
from headrace.errors import StateError
from headrace.records import SlotKey, SwitchMode
from headrace.stores.state import read_state


@dataclass(frozen=True, slots=True)
class SlotView:
    """A slot as of a commit: ``publications`` by position, ``retained`` the digests that a roll back may name."""

    key: SlotKey
    mode: SwitchMode
    pinned: bool
    retained: Collection[str]
    counts: Counts
    publications: tuple[CandidateState, ...]

    def find(self, position: int) -> CandidateState | None:
        """Find the publication at a position."""
        return next((each for each in self.publications if each.position == position), None)


@dataclass(frozen=True, slots=True)
class VersionView:
    """One publication as a person sees it.

    ``pinned``: its slot is. ``retained``: a roll back may name it.
    """

    slot: SlotKey
    saved: CandidateState
    pinned: bool
    retained: bool

    @property
    def version(self) -> str:
        """The version that results name: the publication's own, else its position."""
        return version_of(self.saved)


@dataclass(frozen=True, slots=True)
class Observed:
    """The state as of the last commit; ``committed_at`` is milliseconds since the epoch.

    ``unaddressed`` counts the records that addressed no slot.
    """

    snapshot: Snapshot
    committed_at: int
    slots: tuple[SlotView, ...]

    @property
    def position(self) -> int:
        """The position up to which the model stream was read."""
        return self.snapshot.position

    @property
    def unaddressed(self) -> Counts:
        """The counts of records that addressed no slot."""
        return self.snapshot.unaddressed

    def find_slot(self, key: SlotKey) -> SlotView | None:
        """Find a slot."""
        return next((slot for slot in self.slots if slot.key == key), None)


def version_of(saved: CandidateState) -> str:
    """Give the version that results name."""
    return saved.descriptor.version or str(saved.position)


def read_observed(directory: Path) -> Observed:
    """Read the last commit of a directory. Raises ``StateError`` where there is none, or it is damaged."""
    found = find_observed(directory)
    if found is None:
        known = "holds no state yet" if directory.is_dir() else "is not there"
        raise StateError(f"the state directory {directory} {known}: name the one that an engine has run with")
    return found


def find_observed(directory: Path) -> Observed | None:
    """Read the last commit of a directory, None where there is none. Raises ``StateError`` where it is damaged."""
    document = read_state(directory)
    if document is None:
        return None
    committed = decode_committed(document)
    snapshot = decode_snapshot(bytes(committed.join))
    return Observed(snapshot, committed.committed_at, view_slots(snapshot))


def find_totals(directory: Path) -> Counts | None:
    """Add up what a state has counted, None where there is none. Raises ``StateError`` where it is damaged."""
    found = find_observed(directory)
    if found is None:
        return None
    total = Counts()
    for counts in (found.unaddressed, *(slot.counts for slot in found.slots)):
        total.add(counts)
    return total


def view_slots(snapshot: Snapshot) -> tuple[SlotView, ...]:
    """Give the slots that a snapshot holds, in the order of their keys."""
    # The core tells what is pinned and retained; of a limit on what is retained the state itself knows nothing.
    join = restore_join(snapshot, JoinSettings(retain=sys.maxsize))
    return tuple(sorted((_view_slot(saved, join) for saved in snapshot.slots), key=lambda slot: slot.key))


def list_versions(snapshot: Snapshot) -> list[VersionView]:
    """List every publication that a snapshot holds, by slot and position."""
    return [_view(slot, each) for slot in view_slots(snapshot) for each in slot.publications]


def restore_join(snapshot: Snapshot | None, settings: JoinSettings) -> Join:
    """Make a join in the state of a snapshot, to ask or to try something out on; without one, a new join."""
    join = Join(settings, lambda: 0, lambda: 0)
    if snapshot is not None:
        restore_snapshot(join, snapshot)
    return join


def add_up(observed: Observed) -> tuple[Counts, list[str]]:
    """Add up all counts, and list what does not agree: records that came in, and what became of them.

    A slot's scored records are recounted from its versions as long as the state still holds all of them.
    """
    total = Counts()
    total.add(observed.unaddressed)
    wrong = [] if observed.unaddressed.balanced else ["records that addressed no slot: in is not what became of them"]
    for slot in observed.slots:
        total.add(slot.counts)
        if not slot.counts.balanced:
            wrong.append(f"slot {slot.key}: in is not scored + dead-lettered + skipped")
        recount = sum(each.statistics.records for each in slot.publications)
        if recount != slot.counts.scored and len(slot.publications) < HISTORY:
            wrong.append(f"slot {slot.key}: {slot.counts.scored} records were scored, its versions count {recount}")
    return total, wrong


def find_candidate(slot: Slot, position: int) -> Candidate | None:
    """Find a slot's candidate at a position, whatever its state."""
    known = slot.live.get(position)
    return known or next((each for each in slot.history if each.position == position), None)


def _view_slot(saved: SlotState, join: Join) -> SlotView:
    key = SlotKey(saved.data_type, saved.name)
    slot = join.models.slots[key]
    publications = sorted((*saved.live, *saved.history), key=lambda each: each.position)
    return SlotView(key, saved.mode, slot.pinned, frozenset(slot.retained), saved.counts, tuple(publications))


def _view(slot: SlotView, saved: CandidateState) -> VersionView:
    retained = saved.digest in slot.retained and saved.state is not State.REJECTED
    return VersionView(slot.key, saved, slot.pinned, retained)
