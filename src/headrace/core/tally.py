"""What became of one partition's records, added up from what left the join: it moves with the partition.

Rules:

1. A tally counts outcomes only, never intentions: a recount of the output gives the same numbers.
2. Versions are known by slot and position. What an account holds is the whole since the state began.
3. ``touched`` names the accounts that changed since they were last kept, so that keeping costs what has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from headrace.core.distributions import Glimpse, add_distributions
from headrace.core.spreads import Samples, add_spread
from headrace.core.statistics import Counts, VersionStatistics
from headrace.records import SlotKey

if TYPE_CHECKING:
    from headrace.core.join import Outcome
    from headrace.core.spreads import Sample
    from headrace.records import DeadLetters, ModelVersion, Results

Place = tuple[SlotKey, int]
"""A version's slot and its position in the model stream."""


@dataclass(slots=True)
class Account:
    """What one model version did in one slot, for one partition."""

    version: ModelVersion
    statistics: VersionStatistics = field(default_factory=VersionStatistics)
    samples: Samples = field(default_factory=Samples, compare=False)
    glimpse: Glimpse = field(default_factory=Glimpse, compare=False)

    def settle_samples(self) -> VersionStatistics:
        """Count what still waits to be counted, and give the statistics."""
        self.samples.settle(self.statistics.spread)
        self.glimpse.settle(self.statistics.distributions)
        return self.statistics


@dataclass(slots=True)
class Tally:
    """The accounts and counts of one partition. ``unaddressed`` counts the records that addressed no slot."""

    accounts: dict[Place, Account] = field(default_factory=dict)
    slots: dict[SlotKey, Counts] = field(default_factory=dict)
    unaddressed: Counts = field(default_factory=Counts)
    touched: set[Place] = field(default_factory=set)

    def add(self, outcome: Outcome) -> None:
        """Count what one ``advance`` of this partition gave."""
        for results in outcome.results:
            self._add_results(results)
        for letters in outcome.dead_letters:
            self._add_letters(letters)
        for slot, rows in outcome.skipped.items():
            counts = self.slots.setdefault(slot, Counts())
            counts.received += rows
            counts.skipped += rows

    def totals(self) -> Counts:
        """Add up the counts of all slots and of what addressed none."""
        total = Counts()
        total.add(self.unaddressed)
        for counts in self.slots.values():
            total.add(counts)
        return total

    def _account(self, slot: SlotKey, version: ModelVersion) -> Account:
        place = (slot, version.position)
        self.touched.add(place)
        account = self.accounts.get(place)
        if account is None:
            account = self.accounts[place] = Account(version)
        return account

    def _add_results(self, results: Results) -> None:
        counts = self.slots.setdefault(results.slot, Counts())
        counts.received += len(results)
        counts.scored += len(results)
        for index, version in enumerate(results.versions):
            times = results.score_ns
            if len(results.versions) > 1:
                times = times[results.version_of == index]
            account = self._account(results.slot, version)
            statistics = account.statistics
            sample = cast("Sample | None", results.samples[index]) if results.samples else None
            if sample is not None:
                account.samples.add(sample, statistics.spread)
            if not account.glimpse.full:
                account.glimpse.add(_choose(results, index))
            statistics.records += len(times)
            if statistics.since is None:
                statistics.since = results.scored_at
            statistics.until = results.scored_at
            if len(times) and (times == times[0]).all():
                statistics.timing.add(len(times), int(times[0]))
                continue
            for each_ns, rows in zip(*np.unique(times, return_counts=True), strict=True):
                statistics.timing.add(int(rows), int(each_ns))

    def _add_letters(self, letters: DeadLetters) -> None:
        counts = self.unaddressed if letters.slot is None else self.slots.setdefault(letters.slot, Counts())
        counts.received += len(letters)
        counts.dead_lettered += len(letters)
        if letters.slot is not None and letters.version is not None:
            statistics = self._account(letters.slot, letters.version).statistics
            statistics.errors += len(letters)
            statistics.last_error = letters.failures[-1].reason


def _choose(results: Results, index: int) -> pa.RecordBatch:
    """Give the outputs of one version."""
    if len(results.versions) == 1:
        return results.outputs
    return results.outputs.filter(pa.array(results.version_of == index))


def merge_tallies(tallies: list[Tally]) -> Tally:
    """Add several partitions' tallies up to a new one."""
    whole = Tally()
    for tally in tallies:
        whole.unaddressed.add(tally.unaddressed)
        for slot, counts in tally.slots.items():
            whole.slots.setdefault(slot, Counts()).add(counts)
        for place, account in tally.accounts.items():
            _merge(whole.accounts.setdefault(place, Account(account.version)).statistics, account.settle_samples())
    return whole


def _merge(into: VersionStatistics, other: VersionStatistics) -> None:
    into.records += other.records
    into.errors += other.errors
    into.timing.merge(other.timing)
    into.since = min((each for each in (into.since, other.since) if each is not None), default=None)
    into.until = max((each for each in (into.until, other.until) if each is not None), default=None)
    into.last_error = other.last_error or into.last_error
    add_spread(into.spread, other.spread)
    add_distributions(into.distributions, other.distributions)
