"""What came out, held against what had to.

Nothing here asks the engine: records are known by the plan, publications by the model log, results and dead letters by
their files. Only the statistics come from the state, to be held against a recount.

- every good record is in the results once, every bad one in the dead letters once, with its code;
- the results of a partition are in the order of its records;
- each result is what the model that it names gives;
- ``ready``: along a partition the positions never fall; by time: each record met the accepted publication with the
  greatest moment (the time of its append; under ``event-time`` not before ``valid_from``) that is not after the record.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from headrace.core.snapshot import Snapshot, decode_snapshot
from headrace.engines.embedded.ledger import decode_committed
from headrace.errors import ModelFormatError, RecordError
from headrace.records import Publish, Rollback, SwitchMode
from headrace.stores.contents import digest_of
from headrace.stores.state import read_state
from headrace.testing.kills.recount import Line, count_breaches, count_falls, read_times, recount
from headrace.testing.scaling import ScalingFormat
from headrace.transports.model_log import ModelLog
from headrace.wire.dead_letters import decode_dead_letter
from headrace.wire.descriptor import decode_appended_at, decode_command

if TYPE_CHECKING:
    from headrace.records import ModelMessage
    from headrace.testing.kills.plan import Plan

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many breaches of each promise were found; ``scored`` and ``refused`` count lines."""

    scored: int
    refused: int
    breaches: dict[str, int]

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return not any(self.breaches.values())


@dataclass(frozen=True, slots=True)
class Versions:
    """The publications of a log: digest by position, factor by digest, and when each takes effect."""

    digests: dict[int, str] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)
    moments: list[tuple[int, int]] = field(default_factory=list)

    def at(self, time: int) -> int:
        """Give the position of the publication that a record of this time meets; -1 for none."""
        place = bisect_right(self.moments, (time, 2**63))
        return self.moments[place - 1][1] if place else -1


def judge(plan: Plan) -> Verdict:
    """Look at all that a campaign left."""
    lines, torn_lines = _read(plan.results, msgspec.json.Decoder(Line).decode)
    letters, torn_letters = _read(plan.dead_letters, decode_dead_letter)
    versions = read_versions(plan)
    breaches = count_breaches(plan, lines, letters) | {
        "torn": torn_lines + torn_letters,
        "out of order": count_falls(plan.partitions, lines, [line.offset for line in lines]),
        "not what the model gives": sum(_is_wrong(line, versions) for line in lines),
        "met the wrong version": _count_versions(plan, lines, versions),
        "statistics unlike the output": _count_differences(plan, lines, len(letters)),
    }
    return Verdict(len(lines), len(letters), breaches)


def _read(file: Path, decode: Callable[[bytes], T]) -> tuple[list[T], int]:
    """Read lines, and count those that are none."""
    read: list[T] = []
    torn = 0
    for line in file.read_bytes().splitlines():
        try:
            read.append(decode(line))
        except (msgspec.MsgspecError, RecordError):
            torn += 1
    return read, torn


def read_versions(plan: Plan) -> Versions:
    """Read the model log as it is, and judge its models by their bytes and golden records."""
    versions = Versions()
    source = ModelLog(plan.log, decode_command, decode_appended_at)
    appended = 0
    while messages := source.poll().messages:
        for message in messages:
            appended = max(appended, message.appended_at)
            _take(versions, message, appended, plan.mode)
    versions.moments.sort()
    return versions


def _take(versions: Versions, message: ModelMessage, appended: int, mode: SwitchMode) -> None:
    command = message.command
    if isinstance(command, Rollback):
        versions.digests[message.position] = command.digest
        return
    assert isinstance(command, Publish)
    content = command.descriptor.content or b""
    scaling = ScalingFormat()
    try:
        factor = scaling.assemble(scaling.prepare(content)).score_one({"x": 1.0})["y"]
    except ModelFormatError:
        return
    assert isinstance(factor, float)
    if any(golden.outputs["y"] != golden.inputs["x"] * factor for golden in command.descriptor.golden):  # type: ignore[operator]
        return
    versions.digests[message.position] = digest_of(content)
    versions.factors[digest_of(content)] = factor
    later = command.descriptor.valid_from or 0
    versions.moments.append((max(appended, later) if mode is SwitchMode.EVENT_TIME else appended, message.position))


def _is_wrong(line: Line, versions: Versions) -> bool:
    known = versions.digests.get(line.position) == line.digest
    return not known or line.outputs != {"y": line.offset * versions.factors[line.digest]}


def _count_versions(plan: Plan, lines: list[Line], versions: Versions) -> int:
    if plan.mode is not SwitchMode.READY:
        return sum(line.position != versions.at(plan.time_of(line.partition, line.offset)) for line in lines)
    return count_falls(plan.partitions, lines, [line.position for line in lines])


def _count_differences(plan: Plan, lines: list[Line], letters: int) -> int:
    document = read_state(plan.state)
    if document is None:
        return 1
    snapshot = decode_snapshot(bytes(decode_committed(document).join))
    candidates = [each for slot in snapshot.slots for each in (*slot.live, *slot.history)]
    told = read_times((each.position, each.statistics) for each in candidates)
    return (recount(lines) != told) + (_count_totals(snapshot) != (len(lines), letters, 0))


def _count_totals(snapshot: Snapshot) -> tuple[int, int, int]:
    counts = [snapshot.unaddressed, *(slot.counts for slot in snapshot.slots)]
    return (
        sum(each.scored for each in counts),
        sum(each.dead_lettered for each in counts),
        sum(each.skipped for each in counts),
    )
