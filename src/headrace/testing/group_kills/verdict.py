"""What the committed output holds, against what it had to.

Nothing here asks the engine: records are known by the plan, publications by the model topic, results and dead letters
by their topics, read as a consumer of committed messages reads them. Only the statistics come from the topic of the
state, to be held against a recount.

- every good record is in the results once, every bad one in the dead letters once, with its code;
- the results of a partition are in the order of its records, and the positions of their models never fall;
- each result is what the model that it names gives;
- something was aborted: else no kill came within a transaction, and the campaign shows nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from headrace.core.tally import Tally, merge_tallies
from headrace.engines.kafka.changelog import Kept, apply_change
from headrace.records import Publish
from headrace.stores.contents import digest_of
from headrace.testing.group_kills.topics import read_topic
from headrace.testing.kills.plan import code_of
from headrace.testing.scaling import ScalingFormat
from headrace.wire.dead_letters import decode_dead_letter
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from headrace.testing.group_kills.plan import Plan

Place = tuple[int, int]


class Line(msgspec.Struct, frozen=True):
    """What of a result is looked at."""

    partition: int
    offset: int
    position: int
    digest: str
    score_ns: int
    outputs: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many breaches of each promise were found; ``aborted`` results were written and never committed."""

    scored: int
    refused: int
    aborted: int
    breaches: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return not any(self.breaches.values())


def judge(plan: Plan) -> Verdict:
    """Look at all that a campaign left."""
    decode = msgspec.json.Decoder(Line).decode
    lines = [decode(message.value()) for message in read_topic(plan.bootstrap, plan.topic("results"))]
    letters = [decode_dead_letter(each.value()) for each in read_topic(plan.bootstrap, plan.topic("dead-letters"))]
    written = sum(1 for _ in read_topic(plan.bootstrap, plan.topic("results"), committed=False))
    scored = Counter((line.partition, line.offset) for line in lines)
    refused = Counter(((letter.partition, letter.offset), letter.code) for letter in letters)
    places = [(partition, offset) for partition in range(plan.partitions) for offset in range(plan.count(partition))]
    good = {place for place in places if not code_of(place[1])}
    bad = Counter({(place, code): 1 for place in places if (code := code_of(place[1]))})
    factors = _read_factors(plan)
    breaches = {
        "lost": len(good - scored.keys()),
        "duplicated": sum(scored.values()) - len(scored),
        "scored and not to be": len(scored.keys() - good),
        "dead letters lost": (bad - refused).total(),
        "dead letters too many": (refused - bad).total(),
        "out of order": _count_falls(plan, lines, [line.offset for line in lines]),
        "positions that fell": _count_falls(plan, lines, [line.position for line in lines]),
        "not what the model gives": sum(_is_wrong(line, factors) for line in lines),
        "statistics unlike the output": _count_differences(plan, lines, len(letters)),
    }
    return Verdict(len(lines), len(letters), written - len(lines), breaches)


def _read_factors(plan: Plan) -> dict[tuple[int, str], float]:
    """Read what each publication multiplies by, by its position and digest."""
    factors = {}
    for message in read_topic(plan.bootstrap, plan.topic("models")):
        command = decode_command(message.value())
        assert isinstance(command, Publish)
        content = command.descriptor.content or b""
        scaling = ScalingFormat()
        factor = scaling.assemble(scaling.prepare(content)).score_one({"x": 1.0})["y"]
        assert isinstance(factor, float)
        golden = command.descriptor.golden[0]
        if golden.outputs["y"] == 2.0 * factor:
            factors[message.offset(), digest_of(content)] = factor
    return factors


def _is_wrong(line: Line, factors: dict[tuple[int, str], float]) -> bool:
    factor = factors.get((line.position, line.digest))
    return factor is None or line.outputs != {"y": line.offset * factor}


def _count_falls(plan: Plan, lines: list[Line], values: list[int]) -> int:
    """Count how often a value is less than the one before it, along each partition."""
    along: list[list[int]] = [[] for _ in range(plan.partitions)]
    for line, value in zip(lines, values, strict=True):
        along[line.partition].append(value)
    return sum(later < earlier for each in along for earlier, later in pairwise(each))


def _count_differences(plan: Plan, lines: list[Line], letters: int) -> int:
    kept = {(plan.topic("records"), partition): Kept() for partition in range(plan.partitions)}
    for message in read_topic(plan.bootstrap, plan.topic("state")):
        apply_change(kept, message.key(), message.value())
    tally = merge_tallies([each.tally for each in kept.values()])
    totals = tally.totals()
    same_totals = (totals.scored, totals.dead_lettered, totals.skipped) == (len(lines), letters, 0)
    return (_recount(lines) != _read_statistics(tally)) + (not same_totals)


def _recount(lines: list[Line]) -> dict[int, tuple[int, int, int, int]]:
    times: dict[int, list[int]] = {}
    for line in lines:
        times.setdefault(line.position, []).append(line.score_ns)
    return {position: (len(each), sum(each), min(each), max(each)) for position, each in times.items()}


def _read_statistics(tally: Tally) -> dict[int, tuple[int, int, int | None, int | None]]:
    found = {}
    for (_, position), account in tally.accounts.items():
        timing = account.statistics.timing
        if timing.count:
            found[position] = (timing.count, timing.total_ns, timing.min_ns, timing.max_ns)
    return found
