"""Instances killed again and again: nothing lost, nothing twice, and a control that shows duplicates.

The long form is a command: ``python -m headrace.testing.group_kills --kills 500 --records 1000000``.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from headrace.testing.broker import Broker
from headrace.testing.group_kills.campaign import Campaign
from headrace.testing.group_kills.plan import Plan
from headrace.testing.group_kills.verdict import judge


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thirty_kills_lose_and_double_nothing(kafka_broker: Broker, tmp_path: Path) -> None:
    plan = Plan(kafka_broker.bootstrap, f"kills-{uuid.uuid4().hex[:8]}", kills=30, records=50_000, seed=7)
    campaign = Campaign(plan, tmp_path, lambda _: None)
    verdict = judge(campaign.run())
    assert {name: count for name, count in verdict.breaches.items() if count} == {}
    assert campaign.toll.kills == 30
    assert verdict.aborted > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_same_kills_double_records_that_are_delivered_at_least_once(kafka_broker: Broker, tmp_path: Path) -> None:
    """A kill doubles records only between their writing and their commit, so more kills follow where none did."""
    duplicated = 0
    for seed in range(5):
        name = f"kills-{uuid.uuid4().hex[:8]}"
        plan = Plan(kafka_broker.bootstrap, name, kills=12, records=20_000, delivery="at-least-once", seed=seed)
        verdict = judge(Campaign(plan, tmp_path, lambda _: None).run())
        assert 0 == verdict.breaches["lost"]
        duplicated += verdict.breaches["duplicated"]
        if duplicated:
            break
    assert duplicated > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_instance_that_was_halted_for_long_writes_nothing_twice(kafka_broker: Broker, tmp_path: Path) -> None:
    """A halt shows something only where it comes within a transaction, so more follow where none did."""
    aborted = 0
    for seed in range(12):
        name = f"pauses-{uuid.uuid4().hex[:8]}"
        plan = Plan(kafka_broker.bootstrap, name, kills=0, records=10_000, seed=seed, pauses=2)
        verdict = judge(Campaign(plan, tmp_path, lambda _: None).run())
        assert {name: count for name, count in verdict.breaches.items() if count} == {}
        aborted += verdict.aborted
        if aborted:
            break
    assert aborted > 0
