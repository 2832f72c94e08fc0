"""Statistics of engines over other people's runtimes: where a configuration has them kept, and what is kept there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from headrace.core.states import State
from headrace.core.statistics import Timing
from headrace.machinery.clock import now_ms
from headrace.monitor.view import CountView, SlotView, VersionView, View, merge_views
from headrace.stores.statistics import Place, check_address, find_database

if TYPE_CHECKING:
    from headrace.stores.statistics import Rows, SlotRow, VersionRow


class StatisticsSection(msgspec.Struct, frozen=True, kw_only=True):
    """The database, and the name by which this job's rows are told from those of others in it."""

    database: str
    job: str = "headrace"

    def __post_init__(self) -> None:
        check_address(self.database)

    def place(self, directory: Path) -> Place:
        """Say where the rows are; a file of SQLite is within ``directory``."""
        if not self.database.startswith("sqlite"):
            return Place(self.database, self.job)
        file = directory.absolute() / urlsplit(self.database).path[1:]
        return Place(f"sqlite:///{file}", self.job)


@dataclass(frozen=True, slots=True)
class KeptStatistics:
    """What a job has written to its database."""

    place: Place

    def read_view(self) -> View:
        """Add up what the parts of the job have done. Raises ``SourceError`` where the database cannot be read."""
        database = find_database(self.place.address)
        try:
            parts = database.read(self.place.job)
        finally:
            database.close()
        view = merge_views([_make_view(rows) for _, rows in sorted(parts.items())])
        return msgspec.structs.replace(view, at=now_ms())


def _make_view(rows: Rows) -> View:
    versions, slots = rows
    serving = {(each.data_type, each.slot): each for each in versions if each.state == str(State.SERVING)}
    staged = {(each.data_type, each.slot): each for each in versions if each.state == str(State.STAGED)}
    return View(
        at=0,
        position=max((each.position for each in versions), default=-1),
        slots=tuple(
            SlotView(
                data_type=each.data_type,
                slot=each.slot,
                mode=each.mode,
                active=True,
                pinned=any(one.pinned for one in versions if (one.data_type, one.slot) == (each.data_type, each.slot)),
                serving=_position(serving.get((each.data_type, each.slot))),
                staged=_position(staged.get((each.data_type, each.slot))),
                counts=_count(each),
            )
            for each in slots
            if each.data_type
        ),
        versions=tuple(_make_version(each) for each in sorted(versions, key=lambda each: each.position)),
        unaddressed=sum((_count(each) for each in slots if not each.data_type), CountView()),
    )


def _position(row: VersionRow | None) -> int | None:
    return None if row is None else row.position


def _count(row: SlotRow) -> CountView:
    return CountView(row.received, row.scored, row.dead_lettered, row.skipped)


def _make_version(row: VersionRow) -> VersionView:
    buckets = {int(bucket): count for bucket, count in json.loads(row.buckets).items()}
    return VersionView(
        data_type=row.data_type,
        slot=row.slot,
        name=row.name,
        version=row.version,
        description=row.description,
        model_type="",
        digest=row.digest,
        position=row.position,
        state=State(row.state),
        reason=row.reason,
        location="",
        golden_records=0,
        mapping={},
        since=row.since,
        until=row.until,
        records=row.records,
        errors=row.errors,
        last_error=row.last_error,
        timing=Timing(row.records, row.total_ns, row.min_ns, row.max_ns, buckets),
        load_ns=row.load_ns,
        verify_ns=row.verify_ns,
        warm_ns=row.warm_ns,
        memory_bytes=row.memory_bytes,
        pinned=bool(row.pinned) and row.state == str(State.SERVING),
    )
