"""A cluster that is killed under load: its job loses and doubles nothing where there are checkpoints.

The long form is a command: ``python -m headrace.testing.flink_kills --kills 10``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.testing.broker import Broker
from headrace.testing.flink_kills.campaign import Attempt, Campaign, Verdict
from headrace.testing.flink_kills.cluster import Cluster
from headrace.transports.kafka.settings import ClientSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800), pytest.mark.xdist_group("flink")]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A broker for these tests alone, so that they do not wait for those of Kafka."""
    with Broker() as running:
        yield running


@pytest.fixture(scope="module")
def cluster(flink: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two slots."""
    with Cluster(flink, tmp_path_factory.mktemp("cluster"), 2) as running:
        yield running


def test_two_kills_lose_and_double_nothing_on_two_tasks(
    broker: Broker, cluster: Cluster, flink: Path, tmp_path: Path
) -> None:
    attempt = Attempt(f"kills-{uuid.uuid4().hex[:8]}", "flink-partitioned", 2, parallelism=2)
    verdict = Campaign(attempt, ClientSettings(broker.settings), cluster, flink, tmp_path).run()
    assert Verdict(6_000, lost=0, doubled=0, wrong=0, miscounted=0) == verdict


def test_a_kill_of_a_task_manager_changes_nothing_by_key(
    broker: Broker, cluster: Cluster, flink: Path, tmp_path: Path
) -> None:
    attempt = Attempt(f"keyed-{uuid.uuid4().hex[:8]}", "flink-keyed", 1)
    verdict = Campaign(attempt, ClientSettings(broker.settings), cluster, flink, tmp_path).run()
    assert Verdict(4_000, lost=0, doubled=0, wrong=0, miscounted=0) == verdict


def test_without_checkpoints_a_kill_doubles_results(
    broker: Broker, cluster: Cluster, flink: Path, tmp_path: Path
) -> None:
    attempt = Attempt(f"control-{uuid.uuid4().hex[:8]}", "flink-keyed", 1, checkpoints=False)
    verdict = Campaign(attempt, ClientSettings(broker.settings), cluster, flink, tmp_path).run()
    assert (4_000, 0, 0) == (verdict.sent, verdict.lost, verdict.wrong)
    assert verdict.doubled > 0
