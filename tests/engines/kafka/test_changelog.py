"""What is kept of a partition, to messages and back."""

from __future__ import annotations

import msgspec
import pytest

from headrace.core.partition import PartitionKey, Progress
from headrace.core.statistics import Counts
from headrace.core.tally import Account, Tally
from headrace.engines.kafka.changelog import VERSION, Kept, apply_change, encode_changes
from headrace.errors import StateError
from headrace.records import ModelVersion, SlotKey

KEY = ("records", 3)
WINE = SlotKey("wine", "second")
PROGRESS = Progress(41, 1_700_000_000_000, {WINE: 7})


def make_tally() -> Tally:
    account = Account(ModelVersion("m", "7", "d" * 64, 7))
    account.statistics.records = 5
    account.statistics.timing.add(5, 1_234)
    counts = Counts(received=6, scored=5, dead_lettered=1)
    return Tally({(WINE, 7): account}, {WINE: counts}, Counts(received=2, skipped=2), {(WINE, 7)})


def test_what_is_written_comes_back() -> None:
    tally = make_tally()
    kept: dict[PartitionKey, Kept] = {KEY: Kept()}
    for key, value in encode_changes(KEY, PROGRESS, tally):
        apply_change(kept, key, value)
    assert kept[KEY].progress == PROGRESS
    assert kept[KEY].tally == tally


def test_only_what_has_changed_is_written_again() -> None:
    tally = make_tally()
    assert 2 == len(list(encode_changes(KEY, PROGRESS, tally)))
    assert 1 == len(list(encode_changes(KEY, PROGRESS, tally)))


def test_other_partitions_are_passed_over() -> None:
    kept: dict[PartitionKey, Kept] = {("records", 0): Kept()}
    for key, value in encode_changes(KEY, PROGRESS, make_tally()):
        apply_change(kept, key, value)
    assert kept == {("records", 0): Kept()}


def test_a_later_version_is_refused() -> None:
    key, value = next(encode_changes(KEY, PROGRESS, make_tally()))
    later = msgspec.json.encode({**msgspec.json.decode(value), "version": VERSION + 1})
    with pytest.raises(StateError, match="upgrade Headrace"):
        apply_change({KEY: Kept()}, key, later)


@pytest.mark.parametrize("key", [b"", b"{}", b'"progress"', b'["progress"]', b'["version","records"]', b"\xff"])
def test_what_no_engine_wrote_is_refused(key: bytes) -> None:
    with pytest.raises(StateError, match="none that an engine wrote"):
        apply_change({KEY: Kept()}, key, b"{}")
