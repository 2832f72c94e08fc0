"""What a partition's tally counts is what left the join, and what the slots themselves counted."""

from __future__ import annotations

from headrace.core.partition import PartitionKey
from headrace.core.statistics import Counts
from headrace.core.tally import Tally, merge_tallies
from headrace.records import SlotKey
from headrace.testing.scenario import Row
from headrace.testing.toymodels import Recipe
from tests.core.building import WINE, Bench, batch_of, plain

PICKY = Recipe("picky", "y", 2).content


def count(bench: Bench, rows: dict[int, tuple[Row | int, ...]]) -> dict[PartitionKey, Tally]:
    """Offer rows to partitions and count what comes of each."""
    for partition, given in rows.items():
        bench.join.offer(batch_of(*given, partition=partition))
    tallies = {key: Tally() for key in bench.join.partitions}
    for key, tally in tallies.items():
        while outcome := bench.join.advance(key):
            tally.add(outcome)
    return tallies


def test_a_partition_alone_advances() -> None:
    bench = Bench()
    bench.serve(plain(1))
    bench.join.offer(batch_of(1, 2, partition=0))
    bench.join.offer(batch_of(3, partition=1))
    first, second = bench.join.partitions
    assert bench.join.advance(first).rows == 2
    assert bench.join.partitions[second].waiting == 1


def test_versions_are_counted_by_slot_and_position() -> None:
    bench = Bench()
    position = bench.serve(PICKY)
    (tally,) = count(bench, {0: (1, 2, 5, 7)}).values()
    statistics = tally.accounts[WINE, position].statistics
    assert (statistics.records, statistics.errors) == (3, 1)
    assert "picky" in statistics.last_error
    assert tally.slots == {WINE: Counts(received=4, scored=3, dead_lettered=1)}
    assert tally.touched == {(WINE, position)}


def test_records_without_a_model_are_counted() -> None:
    (tally,) = count(Bench(), {0: (1, 2)}).values()
    assert tally.totals() == Counts(received=2, skipped=2)
    assert tally.accounts == {}


def test_the_tallies_of_all_partitions_are_the_join_s_own_counts() -> None:
    bench = Bench()
    bench.serve(PICKY)
    bench.serve(plain(3), SlotKey("wine", "second"))
    merged = merge_tallies(list(count(bench, {0: (1, 5), 1: (2, 3, Row(4, "beer", None))}).values()))
    assert merged.totals() == bench.join.totals()
    for slot in bench.join.models.slots.values():
        assert slot.serving is not None
        own, added = slot.serving.statistics, merged.accounts[slot.key, slot.serving.position].statistics
        assert (own.records, own.errors, own.timing) == (added.records, added.errors, added.timing)


def test_a_tally_is_merged_into_an_empty_one() -> None:
    bench = Bench()
    position = bench.serve(plain(1))
    (tally,) = count(bench, {0: (1, 2, 3)}).values()
    merged = merge_tallies([tally])
    assert merged.accounts[WINE, position].statistics == tally.accounts[WINE, position].statistics
    assert merge_tallies([]).totals() == Counts()
