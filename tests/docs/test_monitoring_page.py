"""The page of the monitor tells every route and metric, and no other; dashboard and alerts ask for what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from headrace.machinery.standing import Member, Standing
from headrace.monitor.grouping import GroupWatcher
from headrace.monitor.metrics import Collector
from headrace.monitor.operations import Premises
from headrace.monitor.series import Series
from headrace.monitor.server import OPERATIONS
from headrace.monitor.view import CountView, PartitionView, SlotView, View
from headrace.records import FieldProfile
from tests.monitor.stillness import STILL, VERSION

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

ROUTE = re.compile(r"`(GET|POST) (/[^`\s]*)`")
METRIC = re.compile(r"\bheadrace_[a-z_]+")
PROFILE = FieldProfile("x", edges=(1.0,), counts=(1, 1, 0))
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/monitoring.md").read_text()


@pytest.fixture(scope="module")
def metrics() -> list[Metric]:
    """Every metric of an engine that has a slot, a partition and a commit."""
    standing = Standing(members=(Member("one", "here", (), 0),))
    watcher = GroupWatcher(lambda: standing)
    watcher.committed_at = 1
    slot = SlotView(
        data_type="wine", slot="", mode="ready", active=True, pinned=False, serving=0, staged=None, counts=CountView()
    )
    watcher.own = View(
        at=1,
        position=0,
        slots=(slot,),
        versions=(msgspec.structs.replace(VERSION, profile=(PROFILE,), spread=[[1, 0, 0]]),),
        partitions=(PartitionView("records", 0, 0, 0),),
    )
    return list(Collector(Premises(watcher, Series(), STILL, STILL)).collect())


def test_every_route_is_told(page: str) -> None:
    told = set(ROUTE.findall(page))
    known = {(each.method, each.path) for each in OPERATIONS}
    by_version = {(method, path) for method, path in known if "{version}" in path}
    assert known - by_version - told == set()
    assert told - known == set()


def test_every_metric_is_told(page: str, metrics: list[Metric]) -> None:
    told = set(METRIC.findall(page[page.index("## Metrics") : page.index("| Alert |")]))
    names = {each.name + (SUFFIXES[each.type][0] if each.type == "counter" else "") for each in metrics}
    assert names == told


@pytest.mark.parametrize("file", ["grafana-dashboard.json", "alerts.yml"])
def test_dashboard_and_alerts_ask_for_what_there_is(project: Path, file: str, metrics: list[Metric]) -> None:
    text = (project / "docs/monitoring" / file).read_text()
    known = {each.name + suffix for each in metrics for suffix in SUFFIXES[each.type]}
    asked = set(METRIC.findall(text))
    assert asked
    assert asked - known == set()


def test_the_dashboard_is_json(project: Path) -> None:
    document = json.loads((project / "docs/monitoring/grafana-dashboard.json").read_text())
    ids = [panel["id"] for panel in document["panels"]]
    assert len(ids) == len(set(ids))


def test_every_alert_is_told(page: str, project: Path) -> None:
    alerts = re.findall(r"- alert: (\w+)", (project / "docs/monitoring/alerts.yml").read_text())
    assert alerts == re.findall(r"^\| `(Headrace\w+)` \|", page, re.MULTILINE)
