"""Driver and executors killed: nothing lost, each record scored by the version of its time, duplicates counted.

The long form is a command: ``python -m headrace.testing.spark_kills --kills 10``.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from headrace.testing.broker import Broker
from headrace.testing.spark_kills.campaign import Campaign, Plan


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.xdist_group("spark")
def test_two_kills_lose_nothing(kafka_broker: Broker, tmp_path: Path) -> None:
    plan = Plan(kafka_broker.bootstrap, f"kills-{uuid.uuid4().hex[:8]}", kills=2, records=2_000, seed=7)
    verdict = Campaign(plan, tmp_path).run()
    assert (0, 0, 0) == (verdict.lost, verdict.wrong, verdict.miscounted)
    assert (1, 1) == (verdict.driver_kills, verdict.executor_kills)
