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

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from headrace.core.tally import merge_tallies
from headrace.engines.kafka.changelog import Kept, apply_change
from headrace.records import Publish
from headrace.stores.contents import digest_of
from headrace.testing.group_kills.topics import read_topic
from headrace.testing.kills.recount import Line, count_breaches, count_falls, read_times, recount
from headrace.testing.scaling import ScalingFormat
from headrace.wire.dead_letters import decode_dead_letter
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from headrace.testing.group_kills.plan import Plan


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


def judge(plan: Plan, instance: str = "instance-0") -> Verdict:
    """Look at all that a campaign left; where instances keep a state each, at that of one."""
    decode = msgspec.json.Decoder(Line).decode
    lines = [decode(message.value()) for message in read_topic(plan.bootstrap, plan.topic("results"))]
    letters = [decode_dead_letter(each.value()) for each in read_topic(plan.bootstrap, plan.topic("dead-letters"))]
    written = sum(1 for _ in read_topic(plan.bootstrap, plan.topic("results"), committed=False))
    factors = _read_factors(plan)
    breaches = count_breaches(plan, lines, letters) | {
        "out of order": count_falls(plan.partitions, lines, [line.offset for line in lines]),
        "positions that fell": count_falls(plan.partitions, lines, [line.position for line in lines]),
        "not what the model gives": sum(_is_wrong(line, factors) for line in lines),
        "statistics unlike the output": _count_differences(plan, instance, lines, len(letters)),
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


def _count_differences(plan: Plan, instance: str, lines: list[Line], letters: int) -> int:
    kept = {(plan.topic("records"), partition): Kept() for partition in range(plan.partitions)}
    for message in read_topic(plan.bootstrap, plan.state(instance)):
        apply_change(kept, message.key(), message.value())
    tally = merge_tallies([each.tally for each in kept.values()])
    totals = tally.totals()
    same_totals = (totals.scored, totals.dead_lettered, totals.skipped) == (len(lines), letters, 0)
    told = read_times((position, account.statistics) for (_, position), account in tally.accounts.items())
    return (recount(lines) != told) + (not same_totals)
