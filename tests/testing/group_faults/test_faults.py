"""A broker that goes away, instances that come and go, cold restores: nothing lost, nothing twice, and the controls.

The long forms are commands: ``python -m headrace.testing.group_faults broker``, ``rebalance`` and ``restore``.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from headrace.testing.broker import Broker
from headrace.testing.group_faults.broker import BrokerLosses
from headrace.testing.group_faults.rebalance import Rebalances
from headrace.testing.group_faults.restore import Restores
from headrace.testing.group_kills.plan import Plan
from headrace.testing.group_kills.verdict import Verdict, judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def plan(bootstrap: str, records: int, *, apart: bool = False) -> Plan:
    return Plan(bootstrap, f"faults-{uuid.uuid4().hex[:8]}", 0, records, seed=7, apart=apart)


def breaches(verdict: Verdict) -> dict[str, int]:
    return {name: count for name, count in verdict.breaches.items() if count}


def test_a_broker_that_is_killed_and_stopped_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with Broker() as broker:
        losses = BrokerLosses(plan(broker.bootstrap, 10_000), broker, tmp_path, 2)
        assert {} == breaches(judge(losses.run()))
    assert 2 == len(losses.waits)


def test_instances_come_and_go_while_models_switch(kafka_broker: Broker, tmp_path: Path) -> None:
    rebalances = Rebalances(plan(kafka_broker.bootstrap, 5_000), tmp_path, 10)
    assert {} == breaches(judge(rebalances.run()))
    assert rebalances.published >= 10
    assert rebalances.joins > 0


def test_without_a_shared_state_the_same_has_positions_fall(kafka_broker: Broker, tmp_path: Path) -> None:
    """A position falls only where a partition moves just after a switch, so more follow where none did."""
    fallen = 0
    for _ in range(5):
        verdict = judge(Rebalances(plan(kafka_broker.bootstrap, 5_000, apart=True), tmp_path, 20).run())
        assert 0 == verdict.breaches["lost"]
        fallen += verdict.breaches["positions that fell"]
        if fallen:
            break
    assert fallen > 0


@pytest.mark.parametrize("apart", [False, True])
def test_cold_restores_bring_back_all_and_without_a_shared_state_do_not(
    kafka_broker: Broker, tmp_path: Path, apart: bool
) -> None:
    restores = Restores(plan(kafka_broker.bootstrap, 2_000, apart=apart), tmp_path, 3)
    verdict = judge(restores.run(), restores.last)
    if apart:
        assert verdict.breaches["statistics unlike the output"] > 0
    else:
        assert {} == breaches(verdict)
