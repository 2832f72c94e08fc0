"""A group's state topic, taken in commit by commit, and who was in the group."""

from __future__ import annotations

import pytest

from headrace.core.partition import Progress
from headrace.core.statistics import Counts
from headrace.core.tally import Account, Tally
from headrace.engines.kafka.changelog import encode_changes
from headrace.engines.kafka.commits import Commits
from headrace.engines.kafka.following import Follower
from headrace.engines.kafka.members import REMEMBERED_MS, Members
from headrace.errors import SourceError, StateError
from headrace.machinery.standing import Member
from headrace.records import ModelVersion, SlotKey
from tests.engines.kafka.rig import Rig

pytestmark = pytest.mark.slow

WINE = SlotKey("wine")


def commit(records: int, partition: int = 0) -> list[tuple[bytes, bytes]]:
    """Give the messages of a commit: how far a partition has come, and what one version did."""
    tally = Tally(slots={WINE: Counts(received=records, scored=records)}, touched={(WINE, 3)})
    account = tally.accounts[WINE, 3] = Account(ModelVersion("line", "1", "d", 3))
    account.statistics.records = records
    return list(encode_changes(("records", partition), Progress(done=records - 1), tally))


def test_a_commit_that_is_not_whole_is_not_told() -> None:
    commits = Commits()
    first, second = commit(5), commit(9)
    for message in first:
        commits.hear(*message)
    assert {} == commits.add_up().accounts
    commits.hear(*second[0])
    told = commits.add_up()
    assert (5, 5) == (told.accounts[WINE, 3].statistics.records, told.totals().scored)
    commits.hear(*second[1])
    assert 5 == commits.add_up().totals().scored
    commits.reach_end(0)
    told = commits.add_up()
    assert (9, 9) == (told.accounts[WINE, 3].statistics.records, told.totals().scored)
    assert {("records", 0): 8} == commits.done()


def test_partitions_add_up_and_end_apart() -> None:
    commits = Commits()
    for partition in (0, 1):
        for message in commit(4, partition):
            commits.hear(*message)
    commits.reach_end(1)
    assert 4 == commits.add_up().totals().scored
    commits.reach_end(0)
    assert 8 == commits.add_up().totals().scored


@pytest.mark.parametrize("key", [b"", b"{}", b'["progress"]', b'["progress", "records", "one"]'])
def test_what_no_engine_wrote_is_refused(key: bytes) -> None:
    with pytest.raises(StateError, match="none that an engine wrote"):
        Commits().hear(key, b"{}")


def test_who_is_gone_is_remembered_for_an_hour() -> None:
    members = Members()
    one, two = Member("one", "here", (("records", 0),), 1_000), Member("two", "there", (("records", 1),), 1_000)
    assert (one, two) == members.learn([two, one], 1_000)
    gone = Member("two", "there", (), 1_000, gone=True)
    assert (one, gone) == members.learn([one], 2_000)
    assert (one, two) == members.learn([one, two], 3_000)
    assert (one, gone) == members.learn([one], 1_000 + REMEMBERED_MS)
    assert (one,) == members.learn([one], 1_001 + REMEMBERED_MS)


def test_a_group_that_never_ran_is_named(rig: Rig) -> None:
    with pytest.raises(SourceError, match="nothing has run yet"):
        Follower(rig.connection, f"{rig.name}-group", rig.topic("state")).read_once()


def test_a_group_is_read_without_any_instance(rig: Rig) -> None:
    rig.publish(2)
    rig.send(range(60))
    rig.run()
    standing = Follower(rig.connection, f"{rig.name}-group", rig.topic("state")).read_once()
    assert (rig.tally().accounts, Counts(received=60, scored=60)) == (standing.tally.accounts, standing.tally.totals())
    assert {(rig.topic("records"), number): 29 for number in (0, 1)} == standing.done
    assert ((), "") == (standing.members, standing.trouble)
