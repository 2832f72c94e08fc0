"""The command: start a broker, bring one kind of fault, print a line a figure, and exit 0 where every goal is met."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
import uuid
from pathlib import Path

from headrace.testing.broker import Broker
from headrace.testing.group_faults.broker import BrokerLosses
from headrace.testing.group_faults.rebalance import Rebalances
from headrace.testing.group_faults.restore import Restores
from headrace.testing.group_kills.plan import Plan
from headrace.testing.group_kills.verdict import judge
from headrace.testing.kills.report import Goal, as_planned, count_aloud, none_of, report, some_of

TIMES = {"broker": 10, "rebalance": 100, "restore": 50}
WITHIN = 30
"""Seconds from the broker's return to the next commit."""


def main() -> int:
    """Run what the arguments ask for."""
    logging.basicConfig(level=logging.ERROR)
    parser = argparse.ArgumentParser(prog="python -m headrace.testing.group_faults", description=__doc__)
    parser.add_argument("fault", choices=TIMES)
    parser.add_argument("--times", type=int, default=0, help=f"how often; by default {TIMES}")
    parser.add_argument("--records", type=int, default=100_000, help="how many records there are")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="chooses moments")
    parser.add_argument("--control", action="store_true",
                        help="without what prevents the fault's harm: the harm must be found")  # fmt: skip
    arguments = parser.parse_args()
    times = arguments.times or TIMES[arguments.fault]
    with Broker() as broker, tempfile.TemporaryDirectory(prefix="headrace-group-faults-") as name:
        loose = arguments.control and arguments.fault == "broker"
        plan = Plan(
            broker.bootstrap,
            f"faults-{uuid.uuid4().hex[:8]}",
            0,
            arguments.records,
            "at-least-once" if loose else "exactly-once",
            seed=arguments.seed,
            apart=arguments.control and not loose,
        )
        tell = count_aloud(times, arguments.fault)
        match arguments.fault:
            case "broker":
                return _lose(BrokerLosses(plan, broker, Path(name), times, tell), control=arguments.control)
            case "rebalance":
                return _rebalance(Rebalances(plan, Path(name), times, tell), control=arguments.control)
            case _:
                return _restore(Restores(plan, Path(name), times, tell), control=arguments.control)


def _lose(losses: BrokerLosses, *, control: bool) -> int:
    plan = losses.run()
    verdict = judge(plan)
    heading = f"broker, seed {plan.seed}, {plan.records:,} records; results aborted: {verdict.aborted:,}"
    goals = {"losses": as_planned(len(losses.waits), losses.times)}
    if control:
        return report(heading, goals | {"duplicated": some_of(verdict.breaches["duplicated"])})
    longest = round(max(losses.waits))
    goals["seconds to the next commit, the longest"] = Goal(longest, f"at most {WITHIN}", met=longest <= WITHIN)
    return report(heading, goals | {name: none_of(count) for name, count in verdict.breaches.items()})


def _rebalance(rebalances: Rebalances, *, control: bool) -> int:
    plan = rebalances.run()
    verdict = judge(plan)
    heading = f"rebalance, seed {plan.seed}, {plan.records:,} records; joins and leaves: {rebalances.joins}"
    goals = {"switches": as_planned(rebalances.published, rebalances.switches), "joins": some_of(rebalances.joins)}
    if control:
        return report(heading, goals | {"positions that fell": some_of(verdict.breaches["positions that fell"])})
    return report(heading, goals | {name: none_of(count) for name, count in verdict.breaches.items()})


def _restore(restores: Restores, *, control: bool) -> int:
    plan = restores.run()
    verdict = judge(plan, restores.last)
    heading = f"restore, seed {plan.seed}, {plan.records:,} records"
    goals = {"restores": as_planned(restores.times, restores.times)}
    if control:
        unlike = "statistics unlike the output"
        return report(heading, goals | {unlike: some_of(verdict.breaches[unlike])})
    goals["messages of the state compacted away"] = some_of(restores.compacted)
    return report(heading, goals | {name: none_of(count) for name, count in verdict.breaches.items()})


if __name__ == "__main__":
    sys.exit(main())
