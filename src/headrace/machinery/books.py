"""What a join has done, as rows of a statistics database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headrace.stores.statistics import SlotRow, VersionRow

if TYPE_CHECKING:
    from headrace.core.candidate import Candidate
    from headrace.core.join import Join
    from headrace.core.slot import Slot
    from headrace.core.statistics import Counts
    from headrace.stores.statistics import Rows


def write_books(join: Join) -> Rows:
    """Give the rows of every version and slot that a join knows, and of the records that address no slot."""
    slots = join.models.slots.values()
    versions = [_write_version(slot, candidate) for slot in slots for candidate in (*slot.history, *slot.live.values())]
    counts = [_write_counts(slot.key.data_type, slot.key.name, str(slot.mode), slot.counts) for slot in slots]
    if join.unaddressed.received:
        counts.append(_write_counts("", "", "", join.unaddressed))
    return versions, counts


def _write_version(slot: Slot, candidate: Candidate) -> VersionRow:
    numbers, timing = candidate.statistics, candidate.statistics.timing
    return VersionRow(
        data_type=slot.key.data_type,
        slot=slot.key.name,
        position=candidate.position,
        name=candidate.descriptor.name,
        version=candidate.version.version,
        description=candidate.descriptor.description,
        digest=candidate.digest,
        state=str(candidate.state),
        reason=candidate.reason,
        pinned=int(slot.pinned),
        since=numbers.since,
        until=numbers.until,
        records=numbers.records,
        errors=numbers.errors,
        last_error=numbers.last_error,
        total_ns=timing.total_ns,
        min_ns=timing.min_ns,
        max_ns=timing.max_ns,
        buckets=json.dumps(timing.buckets),
        load_ns=numbers.load_ns,
        verify_ns=numbers.verify_ns,
        warm_ns=numbers.warm_ns,
        memory_bytes=numbers.memory,
    )


def _write_counts(data_type: str, slot: str, mode: str, counts: Counts) -> SlotRow:
    return SlotRow(data_type, slot, mode, counts.received, counts.scored, counts.dead_lettered, counts.skipped)
