"""The view of a whole group: what one instance knows of models, with the numbers of what all have committed.

Rules:

1. Every instance reads the same model stream, so models and slots are those that this one knows. Counts and times are
   the group's: they equal a recount of its output, whichever instance is asked and whoever is gone.
2. A version that has scored and that this instance never had to load has served: it is retired. One that the stream
   does not hold any more is shown by what its results name.
3. Before the group's numbers are known, all are 0 and nobody has looked (``at`` is 0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from headrace.core.states import ACCEPTED, State
from headrace.core.statistics import Counts, VersionStatistics
from headrace.machinery.standing import Standing
from headrace.monitor.view import CountView, PartitionView, SlotView, VersionView, View
from headrace.monitor.watcher import Watcher
from headrace.records import SlotKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from headrace.core.tally import Account, Place
    from headrace.machinery.standing import Member


class GroupWatcher(Watcher):
    """A ``Watcher`` whose view is the group's. ``find`` gives what the group has done, None while it is not known."""

    def __init__(self, find: Callable[[], Standing | None], earlier: Iterable[Mapping[str, object]] = ()) -> None:
        super().__init__(earlier)
        self._find = find
        self._made: tuple[View, Standing, View] | None = None

    @property
    def view(self) -> View:
        """The group's view; made once for each look at this instance and at the group."""
        own, standing = self.own, self._standing
        made = self._made
        if made is None or made[0] is not own or made[1] is not standing:
            made = self._made = (own, standing, show_group(own, standing))
        return made[2]

    @property
    def members(self) -> Sequence[Member]:
        """The instances of the group, with those that are gone."""
        return self._standing.members

    @property
    def trouble(self) -> str:
        """What keeps the group's numbers from being up to date."""
        return self._standing.trouble

    @property
    def _standing(self) -> Standing:
        return self._find() or _NOTHING


_NOTHING = Standing()


def show_group(own: View, standing: Standing) -> View:
    """Make the group's view of one instance's and of what the group has done."""
    accounts, counts = standing.tally.accounts, standing.tally.slots
    known = {(SlotKey(each.data_type, each.slot), each.position): each for each in own.versions}
    versions = [_renumber(each, accounts.get(place)) for place, each in known.items()]
    strange = [_make_version(place, account) for place, account in accounts.items() if place not in known]
    slots = {SlotKey(each.data_type, each.slot): each for each in own.slots}
    waiting = {(each.source, each.partition): each.waiting for each in own.partitions}
    return View(
        at=standing.at,
        position=own.position,
        slots=tuple(
            _recount(slots.get(key) or _make_slot(key), counts.get(key, Counts())) for key in sorted({*slots, *counts})
        ),
        versions=tuple(sorted((*versions, *strange), key=lambda each: (each.data_type, each.slot, each.position))),
        partitions=tuple(
            PartitionView(*place, done, waiting.get(place, 0)) for place, done in sorted(standing.done.items())
        ),
        unaddressed=_show_counts(standing.tally.unaddressed),
    )


def _show_counts(counts: Counts) -> CountView:
    return CountView(counts.received, counts.scored, counts.dead_lettered, counts.skipped)


def _recount(slot: SlotView, counts: Counts) -> SlotView:
    return msgspec.structs.replace(slot, counts=_show_counts(counts))


def _make_slot(key: SlotKey) -> SlotView:
    return SlotView(
        data_type=key.data_type, slot=key.name, mode="", active=False, pinned=False, serving=None, staged=None,
        counts=CountView(),
    )  # fmt: skip


def _renumber(version: VersionView, account: Account | None) -> VersionView:
    numbers = VersionStatistics() if account is None else account.statistics
    served = numbers.records > 0 and version.state is State.SKIPPED
    since = min((each for each in (version.since, numbers.since) if each is not None), default=None)
    until = max((each for each in (version.until, numbers.until) if each is not None), default=None)
    return msgspec.structs.replace(
        version,
        state=State.RETIRED if served else version.state,
        reason="" if served else version.reason,
        since=since,
        until=None if version.state in ACCEPTED else until,
        records=numbers.records,
        errors=numbers.errors,
        last_error=numbers.last_error,
        timing=numbers.timing,
        spread=numbers.spread,
        distributions=numbers.distributions,
    )


def _make_version(place: Place, account: Account) -> VersionView:
    slot, position = place
    numbers, named = account.statistics, account.version
    return VersionView(
        data_type=slot.data_type,
        slot=slot.name,
        name=named.name,
        version=named.version,
        description="",
        model_type="",
        digest=named.digest,
        position=position,
        state=State.RETIRED,
        reason="",
        location="",
        golden_records=0,
        mapping={},
        since=numbers.since,
        until=numbers.until,
        records=numbers.records,
        errors=numbers.errors,
        last_error=numbers.last_error,
        timing=numbers.timing,
        load_ns=numbers.load_ns,
        verify_ns=numbers.verify_ns,
        warm_ns=numbers.warm_ns,
        memory_bytes=numbers.memory,
    )
