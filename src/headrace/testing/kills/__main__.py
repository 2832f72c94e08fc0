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
        began = time.monotonic()
        campaign = Campaign(plan, lambda toll: _show_progress(toll, plan, began))
        plan = campaign.run()
        sys.stderr.write("\n")
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


def _show_progress(toll: Toll, plan: Plan, began: float) -> None:
    sys.stderr.write(f"\r{toll.kills} of {plan.kills} kills, {time.monotonic() - began:.0f} s")
    sys.stderr.flush()


def _report(plan: Plan, toll: Toll, verdict: Verdict) -> int:
    say(f"mode {plan.mode}, durability {plan.durability}, seed {plan.seed}, {plan.records:,} records")
    say(f"kills at random moments: {toll.random}, at chosen points: {toll.at_points}")
    goals: dict[str, tuple[int, int | str, bool]] = {"kills": (toll.kills, plan.kills, toll.kills >= plan.kills)}
    if plan.durability == "off":
        found = verdict.breaches["lost"] + verdict.breaches["duplicated"]
        goals["lost or duplicated without durability"] = (found, "> 0", found > 0)
    else:
        goals["kills that left work to take back"] = (toll.taken_back, "> 0", toll.taken_back > 0)
        goals |= {name: (count, 0, not count) for name, count in verdict.breaches.items()}
    for name, (value, goal, met) in goals.items():
        say(f"{name}: {value:,}, goal {goal}, {'met' if met else 'missed'}")
    return 0 if all(met for _, _, met in goals.values()) else 1


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
