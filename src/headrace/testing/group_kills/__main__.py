"""The command: start a broker, run a campaign, print a line for each figure, and exit 0 where every goal is met."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
import uuid
from pathlib import Path

from headrace.testing.broker import Broker
from headrace.testing.group_kills.campaign import Campaign, Toll
from headrace.testing.group_kills.plan import Plan
from headrace.testing.group_kills.verdict import Verdict, judge
from headrace.testing.kills.report import as_planned, count_aloud, none_of, report, some_of


def main() -> int:
    """Run what the arguments ask for."""
    logging.basicConfig(level=logging.ERROR)
    arguments = _parse()
    if arguments.bootstrap:
        return _run(arguments, arguments.bootstrap)
    with Broker() as broker:
        return _run(arguments, broker.bootstrap)


def _run(arguments: argparse.Namespace, bootstrap: str) -> int:
    with tempfile.TemporaryDirectory(prefix="headrace-group-kills-") as folder:
        plan = Plan(
            bootstrap,
            f"kills-{uuid.uuid4().hex[:8]}",
            arguments.kills,
            arguments.records,
            arguments.delivery,
            seed=arguments.seed,
            pauses=arguments.pauses,
        )
        tell = count_aloud(plan.kills)
        campaign = Campaign(plan, Path(folder), lambda toll: tell(toll.kills))
        plan = campaign.run()
        return _report(plan, campaign.toll, judge(plan))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m headrace.testing.group_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how often an instance is killed")
    parser.add_argument("--records", type=int, default=50_000, help="how many records there are")
    parser.add_argument("--delivery", choices=["exactly-once", "at-least-once"], default="exactly-once",
                        help="at-least-once: the control, which must find duplicates")  # fmt: skip
    parser.add_argument("--pauses", type=int, default=0, help="how often one is halted past all its time limits")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="chooses moments and instances")
    parser.add_argument("--bootstrap", default="", help="a broker that runs already; else one is started")
    return parser.parse_args()


def _report(plan: Plan, toll: Toll, verdict: Verdict) -> int:
    heading = (
        f"{plan.delivery}, seed {plan.seed}, {plan.records:,} records\n"
        f"kills at random moments: {toll.random}, at chosen points: {toll.at_points}; pauses: {toll.pauses}\n"
        f"scored: {verdict.scored:,}, dead letters: {verdict.refused:,}, results aborted: {verdict.aborted:,}"
    )
    goals = {"kills": as_planned(toll.kills, plan.kills)}
    if plan.delivery == "at-least-once":
        goals["duplicated"] = some_of(verdict.breaches["duplicated"])
        goals["lost"] = none_of(verdict.breaches["lost"])
    else:
        goals["results aborted"] = some_of(verdict.aborted)
        goals |= {name: none_of(count) for name, count in verdict.breaches.items()}
    return report(heading, goals)


if __name__ == "__main__":
    sys.exit(main())
