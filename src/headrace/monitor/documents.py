"""A view as JSON values: the members of the REST interface, of ``headrace stats --json`` and of the page."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from headrace.core.slot import HISTORY
from headrace.core.spreads import complete_spread, measure_drift, summarise_drift
from headrace.core.states import State
from headrace.core.statistics import bucket_middle
from headrace.monitor.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.core.distributions import Distribution
    from headrace.core.statistics import Timing
    from headrace.machinery.standing import Member
    from headrace.monitor.view import CountView, SlotView, VersionView
    from headrace.records import FieldProfile

T = TypeVar("T")

_OWN_WAY = {"timing", "mapping", "profile", "spread", "distributions"}
QUANTILES = {"p50_ns": 0.5, "p90_ns": 0.9, "p99_ns": 0.99}


def describe_timing(timing: Timing) -> dict[str, Any]:
    """Give times in nanoseconds; they are null before the first record."""
    return {
        "total_ns": timing.total_ns,
        "min_ns": timing.min_ns,
        "mean_ns": timing.mean_ns,
        **{name: timing.quantile(share) for name, share in QUANTILES.items()},
        "max_ns": timing.max_ns,
    }


def describe_counts(counts: CountView) -> dict[str, int]:
    """Give counts."""
    found: dict[str, int] = msgspec.to_builtins(counts)
    return found


def describe_version(version: VersionView) -> dict[str, Any]:
    """Give one publication and what its model did."""
    plain: dict[str, Any] = {name: getattr(version, name) for name in version.__struct_fields__ if name not in _OWN_WAY}
    plain["state"] = str(version.state)
    plain["mapping"] = {name: list(fields) for name, fields in version.mapping.items()}
    plain["drift"] = summarise_drift(version.profile, version.spread)
    for name in ("inputs", "outputs"):
        plain[name] = None if plain[name] is None else msgspec.to_builtins(plain[name])
    return plain | describe_timing(version.timing)


def describe_distributions(version: VersionView) -> list[dict[str, Any]]:
    """Give each field of a version's profile, and the other outputs: the shares expected and found in each bin.

    What a profile does not name has nothing that is expected.
    """
    spread = complete_spread(version.profile, version.spread)
    profiled = [
        {
            "name": each.name,
            "output": each.output,
            "drift": shift,
            "records": sum(counts),
            "bins": [
                {
                    "name": name,
                    "expected": was / max(1, sum(each.counts)),
                    "found": now / max(1, sum(counts)),
                    "records": now,
                }
                for name, was, now in zip(name_bins(each), each.counts, counts, strict=True)
            ],
        }
        for each, counts, shift in zip(
            version.profile, spread, measure_drift(version.profile, version.spread), strict=True
        )
    ]
    known = {each.name for each in version.profile if each.output}
    others = [_describe_output(name, each) for name, each in version.distributions.items() if name not in known]
    return [*profiled, *others]


def _describe_output(name: str, found: Distribution) -> dict[str, Any]:
    bins = [
        {"name": bin_name, "expected": None, "found": count / max(1, found.records), "records": count}
        for bin_name, count in found.name_bins()
    ]
    return {"name": name, "output": True, "drift": None, "records": found.records, "bins": bins}


def name_bins(profile: FieldProfile) -> list[str]:
    """Name the bins of a field for people."""
    if profile.values:
        return [*profile.values, "other", "missing"]
    ends = [f"{edge:g}" for edge in profile.edges]
    between = [f"{one} to {other}" for one, other in pairwise(ends)]
    return [f"below {ends[0]}", *between, f"from {ends[-1]}", "missing"]


def describe_member(member: Member) -> dict[str, Any]:
    """Give one instance of a group: ``state`` is present or gone, ``seen`` when it was last there."""
    return {
        "name": member.name,
        "host": member.host,
        "state": "gone" if member.gone else "present",
        "seen": member.seen,
        "partitions": [{"source": source, "partition": number} for source, number in member.partitions],
    }


def describe_histogram(timing: Timing) -> list[dict[str, float]]:
    """Give the buckets of a histogram: records, and the time in the middle of the bucket in nanoseconds."""
    return [{"time_ns": bucket_middle(bucket), "records": timing.buckets[bucket]} for bucket in sorted(timing.buckets)]


def describe_slot(view: View, slot: SlotView) -> dict[str, Any]:
    """Give one slot with what serves and what is staged there."""
    serving, staged = view.find(slot.serving), view.find(slot.staged)
    return {
        "data_type": slot.data_type,
        "slot": slot.slot,
        "mode": slot.mode,
        "active": slot.active,
        "pinned": slot.pinned,
        **describe_counts(slot.counts),
        "serving": None if serving is None else describe_version(serving),
        "staged": None if staged is None else describe_version(staged),
    }


def describe_statistics(view: View) -> dict[str, Any]:
    """Give what every version did, the counts of every slot, and whether they add up."""
    differences = find_differences(view)
    return {
        "at": view.at,
        "versions": [describe_version(each) for each in view.versions if each.state is not State.REJECTED],
        "slots": [
            {"data_type": slot.data_type, "slot": slot.slot, **describe_counts(slot.counts)} for slot in view.slots
        ],
        "unaddressed": describe_counts(view.unaddressed),
        "total": describe_counts(view.total),
        "adds_up": not differences,
        "differences": differences,
    }


def find_differences(view: View) -> list[str]:
    """List what does not agree: records that came in and what became of them, slots and their versions."""
    wrong = [] if view.unaddressed.balanced else ["records that addressed no slot: in is not what became of them"]
    for slot in view.slots:
        if not slot.counts.balanced:
            wrong.append(f"slot {name_slot(slot)}: in is not scored + dead-lettered + skipped")
        versions = view.versions_of(slot)
        recount = sum(each.records for each in versions)
        if recount != slot.counts.scored and len(versions) < HISTORY:
            wrong.append(f"slot {name_slot(slot)}: {slot.counts.scored} records were scored, its versions: {recount}")
    return wrong


def name_slot(slot: SlotView) -> str:
    """Write a slot as people do: the data type, and after a slash its name where it has one."""
    return f"{slot.data_type}/{slot.slot}" if slot.slot else slot.data_type


def describe_in_the_books_words(version: VersionView | None) -> dict[str, Any] | None:
    """Give the members that the book's programs read; times of day and durations are milliseconds."""
    if version is None:
        return None
    timing = version.timing
    return {
        "name": version.name,
        "description": version.description,
        "since": version.since or 0,
        "usage": version.records,
        "duration": timing.total_ns / 1e6,
        "min": (timing.min_ns or 0) / 1e6,
        "max": (timing.max_ns or 0) / 1e6,
    }


def choose(items: Iterable[T], wanted: Mapping[str, str | None]) -> list[T]:
    """Leave what has the wanted members; None wants nothing of a member."""
    return [
        item
        for item in items
        if all(value is None or str(getattr(item, name)) == value for name, value in wanted.items())
    ]
