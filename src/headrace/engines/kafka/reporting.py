"""What an instance tells of its slots: what serves, and what it did for the partitions that are here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.core.statistics import Timing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.core.models import Models
    from headrace.core.tally import Tally

_NS = 1e6


def report_slots(models: Models, tallies: Iterable[Tally]) -> tuple[Mapping[str, Any], ...]:
    """Give one value for each slot in which a model serves, by their order. Durations are milliseconds."""
    tallies = list(tallies)
    told = []
    for key in sorted(models.slots):
        serving = models.slots[key].serving
        if serving is None:
            continue
        timing = Timing()
        for tally in tallies:
            account = tally.accounts.get((key, serving.position))
            if account is not None:
                timing.merge(account.statistics.timing)
        version = serving.version
        told.append(
            {
                "name": version.name,
                "description": serving.descriptor.description,
                "since": serving.statistics.since or 0,
                "invocations": timing.count,
                "duration": timing.total_ns / _NS,
                "min": None if timing.min_ns is None else timing.min_ns / _NS,
                "max": None if timing.max_ns is None else timing.max_ns / _NS,
                "data_type": key.data_type,
                "slot": key.name,
                "version": version.version,
                "digest": version.digest,
                "position": version.position,
            }
        )
    return tuple(told)
