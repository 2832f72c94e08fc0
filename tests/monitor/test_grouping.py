"""One instance's view with the numbers of its whole group."""

from __future__ import annotations

from headrace.core.states import State
from headrace.core.statistics import Counts
from headrace.core.tally import Account, Tally
from headrace.machinery.standing import Member, Standing
from headrace.monitor.documents import find_differences
from headrace.monitor.grouping import GroupWatcher, show_group
from headrace.monitor.view import CountView, PartitionView, SlotView, View
from headrace.records import ModelVersion, SlotKey
from tests.monitor.stillness import make_version

WINE = SlotKey("wine")
SERVED = (4, 10)
"""Rows and nanoseconds of each."""


def account(position: int) -> Account:
    """What a version did in the group, since 100 and until 900."""
    found = Account(ModelVersion("line", str(position), "d", position))
    found.statistics.records, found.statistics.since, found.statistics.until = 4, 100, 900
    found.statistics.timing.add(*SERVED)
    return found


def own(*versions: object) -> View:
    slot = SlotView(data_type="wine", slot="", mode="ready", active=True, pinned=False, serving=2, staged=None,
                    counts=CountView(7, 7))  # fmt: skip
    partitions = (PartitionView("r", 0, 6, 3),)
    return View(at=5, position=2, slots=(slot,), versions=versions, partitions=partitions)  # type: ignore[arg-type]


def test_counts_are_the_groups_and_models_this_instances() -> None:
    before = own(
        make_version(0, state=State.SKIPPED, reason="a newer one came"),
        make_version(1, state=State.REJECTED, reason="no XML", since=None),
        make_version(2, [(7, 99)], since=500),
    )
    tally = Tally({(WINE, 0): account(0), (WINE, 2): account(2)}, {WINE: Counts(9, 8, 1)}, Counts(2, 0, 2))
    standing = Standing(77, tally, {("r", 0): 9, ("r", 1): 4})
    view = show_group(before, standing)
    assert [
        (State.RETIRED, 4, 40, 1, 900, ""),
        (State.REJECTED, 0, 0, None, None, "no XML"),
        (State.SERVING, 4, 40, 100, None, ""),
    ] == [
        (each.state, each.records, each.timing.total_ns, each.since, each.until, each.reason) for each in view.versions
    ]
    assert (CountView(9, 8, 1), CountView(2, 0, 2), 77, 2) == (
        view.slots[0].counts,
        view.unaddressed,
        view.at,
        view.position,
    )
    assert (PartitionView("r", 0, 9, 3), PartitionView("r", 1, 4, 0)) == view.partitions
    assert [] == find_differences(view)
    assert 7 == before.versions[2].records


def test_what_this_instance_never_knew_is_shown_by_what_results_name() -> None:
    beer = SlotKey("beer", "second")
    tally = Tally({(beer, 5): account(5)}, {beer: Counts(4, 4)})
    view = show_group(own(), Standing(77, tally))
    assert [("beer", "second", 5, "line", State.RETIRED)] == [
        (each.data_type, each.slot, each.position, each.name, each.state) for each in view.versions
    ]
    assert [("beer", "second"), ("wine", "")] == [each.key for each in view.slots]


def test_nobody_has_looked_before_the_group_is_known() -> None:
    found: list[Standing] = []
    watcher = GroupWatcher(lambda: found[-1] if found else None)
    watcher.own = own(make_version(2, [(7, 99)]))
    assert (0, 0, 1) == (watcher.view.at, watcher.view.total.scored, len(watcher.view.slots))
    found.append(Standing(9, members=(Member("one", "here", (), 0),), trouble="the broker is gone"))
    assert (9, "one", "the broker is gone") == (watcher.view.at, watcher.members[0].name, watcher.trouble)
    assert watcher.view is watcher.view
