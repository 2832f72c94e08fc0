"""An engine killed with SIGKILL loses nothing and doubles nothing; one without the promise does."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.records import SwitchMode
from headrace.testing.kills.campaign import Campaign, Toll
from headrace.testing.kills.plan import Plan
from headrace.testing.kills.verdict import Verdict, judge


def kill(plan: Plan) -> tuple[Toll, Verdict]:
    campaign = Campaign(plan, lambda _: None)
    carried_out = campaign.run()
    return campaign.toll, judge(carried_out)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "kills"), [(SwitchMode.READY, 20), (SwitchMode.EVENT_TIME, 4), (SwitchMode.ORDERED, 4)]
)
def test_whatever_kills_the_engine_every_record_is_in_the_output_once(
    tmp_path: Path, mode: SwitchMode, kills: int
) -> None:
    toll, verdict = kill(Plan(str(tmp_path), kills, records=1_000 * kills, mode=mode, seed=kills))
    assert {} == {name: count for name, count in verdict.breaches.items() if count}
    assert (970 * kills, 30 * kills) == (verdict.scored, verdict.refused)
    assert kills == toll.kills
    assert toll.taken_back > 0, "no kill left anything to take back: they came at idle moments"


@pytest.mark.slow
def test_without_durability_the_same_kills_lose_or_double_records(tmp_path: Path) -> None:
    toll, verdict = kill(Plan(str(tmp_path), 4, records=4_000, durability="off", seed=4))
    assert 4 == toll.kills
    assert verdict.breaches["lost"] + verdict.breaches["duplicated"] > 0
