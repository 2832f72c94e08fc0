"""What a state directory tells, whether an engine holds it or not."""

from __future__ import annotations

from collections.abc import Iterator
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
from headrace.records import SlotKey
from headrace.stores.state import read_state


@dataclass(frozen=True, slots=True)
class Observed:
    """The state as of the last commit; ``committed_at`` is milliseconds since the epoch."""

    snapshot: Snapshot
    committed_at: int


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
        return self.saved.descriptor.version or str(self.saved.position)


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
    return Observed(decode_snapshot(bytes(committed.join)), committed.committed_at)


def list_versions(snapshot: Snapshot) -> list[VersionView]:
    """List every publication that the state holds, by slot and position."""
    return [view for slot in sorted(snapshot.slots, key=_order) for view in _views(slot)]


def find_slot(snapshot: Snapshot, key: SlotKey) -> SlotState | None:
    """Find a slot's state."""
    return next((slot for slot in snapshot.slots if slot_key(slot) == key), None)


def slot_key(slot: SlotState) -> SlotKey:
    """Give the key of a slot's state."""
    return SlotKey(slot.data_type, slot.name)


def is_pinned(slot: SlotState) -> bool:
    """Tell whether a slot is pinned at the end of what is known."""
    pinned = slot.pinned
    for entry in slot.entries:
        if entry.command:
            pinned = entry.command == "pin"
    return pinned


def add_up(snapshot: Snapshot) -> tuple[Counts, list[str]]:
    """Add up all counts, and list what does not agree: records that came in, and what became of them.

    A slot's scored records are recounted from its versions as long as the state still holds all of them.
    """
    total = Counts()
    total.add(snapshot.unaddressed)
    wrong = [] if snapshot.unaddressed.balanced else ["records that addressed no slot: in is not what became of them"]
    for slot in snapshot.slots:
        total.add(slot.counts)
        key = slot_key(slot)
        if not slot.counts.balanced:
            wrong.append(f"slot {key}: in is not scored + dead-lettered + skipped")
        recount = sum(each.statistics.records for each in (*slot.live, *slot.history))
        if recount != slot.counts.scored and len(slot.history) < HISTORY:
            wrong.append(f"slot {key}: {slot.counts.scored} records were scored, its versions count {recount}")
    return total, wrong


def restore_join(observed: Observed | None, settings: JoinSettings) -> Join:
    """Make a join in the state of a commit, to try something out on; without a commit, a new one."""
    join = Join(settings, lambda: 0, lambda: 0)
    if observed is not None:
        restore_snapshot(join, observed.snapshot)
    return join


def live_candidate(slot: Slot, position: int) -> Candidate | None:
    """Give a slot's candidate at a position, whatever its state."""
    known = slot.live.get(position)
    return known or next((each for each in slot.history if each.position == position), None)


def _views(slot: SlotState) -> Iterator[VersionView]:
    pinned = is_pinned(slot)
    for saved in sorted((*slot.live, *slot.history), key=lambda each: each.position):
        retained = saved.digest in slot.retained and saved.state is not State.REJECTED
        yield VersionView(slot_key(slot), saved, pinned, retained)


def _order(slot: SlotState) -> SlotKey:
    return slot_key(slot)
