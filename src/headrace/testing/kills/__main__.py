"""The command: run a campaign, print a line for each figure, and exit 0 where every goal is met."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from headrace.records import SwitchMode
from headrace.testing.kills.campaign import Campaign, Toll
from headrace.testing.kills.plan import Plan
from headrace.testing.kills.report import as_planned, count_aloud, none_of, report, some_of
from headrace.testing.kills.verdict import Verdict, judge


def main() -> int:
    """Run what the arguments ask for."""
    arguments = _parse()
    with tempfile.TemporaryDirectory(prefix="headrace-kills-") as folder:
        plan = Plan(
            arguments.folder or folder,
            arguments.kills,
            arguments.records,
            SwitchMode(arguments.mode),
            arguments.durability,
            seed=arguments.seed,
        )
        Path(plan.folder).mkdir(parents=True, exist_ok=True)
        tell = count_aloud(plan.kills)
        campaign = Campaign(plan, lambda toll: tell(toll.kills))
        plan = campaign.run()
        return _report(plan, campaign.toll, judge(plan))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m headrace.testing.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how often the engine is killed")
    parser.add_argument("--records", type=int, default=100_000, help="how many records there are")
    parser.add_argument("--mode", choices=list(SwitchMode), default=SwitchMode.READY, help="when models switch")
    parser.add_argument("--durability", choices=["on", "off"], default="on", help="off: the control, which must fail")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="chooses moments and publications")
    parser.add_argument("--folder", default="", help="where to work; what is left there can be looked at")
    return parser.parse_args()


def _report(plan: Plan, toll: Toll, verdict: Verdict) -> int:
    heading = (
        f"mode {plan.mode}, durability {plan.durability}, seed {plan.seed}, {plan.records:,} records\n"
        f"kills at random moments: {toll.random}, at chosen points: {toll.at_points}"
    )
    goals = {"kills": as_planned(toll.kills, plan.kills)}
    if plan.durability == "off":
        goals["lost or duplicated without durability"] = some_of(
            verdict.breaches["lost"] + verdict.breaches["duplicated"]
        )
    else:
        goals["kills that left work to take back"] = some_of(toll.taken_back)
        goals |= {name: none_of(count) for name, count in verdict.breaches.items()}
    return report(heading, goals)


if __name__ == "__main__":
    sys.exit(main())
