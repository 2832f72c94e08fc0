"""Spans and metrics, as a collector gets them: an OTLP/HTTP receiver within the test, beside a running engine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from headrace.app.configuration import load_configuration
from headrace.app.engine import build_engine
from headrace.app.monitoring import open_station
from headrace.errors import ConfigurationError
from headrace.monitor.metrics import Collector
from headrace.monitor.operations import Premises
from headrace.monitor.points import translate
from headrace.monitor.series import Series
from headrace.monitor.view import CountView, SlotView, View
from headrace.monitor.watcher import Watcher
from tests.app.project import Project, linear
from tests.monitor.conftest import PATIENCE, Served, configure
from tests.monitor.otlp import attributes, receive
from tests.monitor.stillness import STILL, make_version


@contextmanager
def run(project: Project) -> Iterator[Served]:
    configuration = load_configuration(project.config)
    with open_station(configuration) as station:
        assert station is not None
        engine = build_engine(configuration, station.observers)
        thread = threading.Thread(target=engine.run)
        with station.open(engine) as url, httpx.Client(base_url=url, timeout=PATIENCE) as client:
            thread.start()
            try:
                yield Served(project, client)
            finally:
                engine.stop()
                thread.join()


def run_one_model_good_and_one_bad(project: Project) -> None:
    project.write_records(1, "no json", 2)
    project.publish(linear(), name="line", version="7")
    with run(project) as served:
        served.until("/v1/statistics", lambda told: told["total"]["in"] == 3)
        project.publish(b"<no model>", name="broken")
        served.until("/v1/models", lambda told: any(each["state"] == "rejected" for each in told["models"]))


@pytest.fixture
def project(tmp_path: Any) -> Project:
    return Project(tmp_path)


def test_a_collector_gets_a_span_for_each_life_and_each_commit(project: Project) -> None:
    with receive() as receiver:
        configure(project, f'port = 0\n[monitor.otel]\nendpoint = "http://127.0.0.1:{receiver.port}"\n')
        run_one_model_good_and_one_bad(project)
    lives = {attributes(each)["headrace.model.name"]: each for each in receiver.spans if each.name == "headrace.model"}
    assert {"line", "broken"} == set(lives)
    line, broken = lives["line"], lives["broken"]
    assert ["received", "loading", "verifying", "warming", "staged", "serving"] == [each.name for each in line.events]
    assert ("7", "wine", "serving") == tuple(
        attributes(line)[f"headrace.{name}"] for name in ("model.version", "data_type", "model.state")
    )
    assert line.start_time_unix_nano == line.events[0].time_unix_nano
    assert line.end_time_unix_nano == line.events[-1].time_unix_nano
    assert (2, "rejected") == (broken.status.code, attributes(broken)["headrace.model.state"])
    assert broken.status.message
    commits = [attributes(each) for each in receiver.spans if each.name == "headrace.commit"]
    sums = [sum(each[f"headrace.{name}"] for each in commits) for name in ("scored", "dead_lettered", "skipped")]
    assert [2, 1, 0] == sums


def test_a_collector_gets_the_numbers_of_the_view(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with receive() as receiver:
        configure(project, "port = 0\n")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{receiver.port}")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=trial")
        run_one_model_good_and_one_bad(project)
    (last,) = receiver.exports[-1].resource_metrics
    resource = attributes(last.resource)
    assert ("headrace", "trial") == (resource["service.name"], resource["deployment.environment.name"])
    metrics = {each.name: each for scope in last.scope_metrics for each in scope.metrics}
    scored = [each for each in metrics["headrace.records"].sum.data_points if attributes(each)["outcome"] == "scored"]
    assert [2] == [getattr(each, each.WhichOneof("value")) for each in scored]
    assert metrics["headrace.records"].sum.is_monotonic
    (score,) = metrics["headrace.score"].histogram.data_points
    assert ("s", 2, 2) == (metrics["headrace.score"].unit, score.count, sum(score.bucket_counts))
    assert len(score.explicit_bounds) + 1 == len(score.bucket_counts)
    assert not score.HasField("min")


def test_neither_table_nor_variable_sends_anything(project: Project) -> None:
    configure(project)
    with open_station(load_configuration(project.config)) as station:
        assert station is not None
        assert (station.watcher,) == station.observers


def test_each_may_be_left_out(project: Project) -> None:
    with receive() as receiver:
        table = f'[monitor.otel]\nendpoint = "http://127.0.0.1:{receiver.port}"\n'
        configure(project, f"port = 0\n{table}metrics = false\n")
        run_one_model_good_and_one_bad(project)
    assert ["/v1/traces"] == list(receiver.bodies)


@pytest.mark.slow
def test_a_collector_that_is_gone_keeps_no_record_waiting_and_no_engine_from_ending(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        configure(project, f'port = 0\n[monitor.otel]\nendpoint = "{endpoint}"\n')
        run_one_model_good_and_one_bad(project)
    assert [("r0", 3.0), ("r2", 5.0)] == project.outputs()
    told = {each.name for each in caplog.records if each.levelname in {"WARNING", "ERROR"}}
    assert {"opentelemetry.exporter.otlp.proto.http"} == {name.rpartition(".")[0] for name in told}


def test_an_endpoint_that_is_none_is_told(project: Project) -> None:
    with pytest.raises(ConfigurationError, match=r"such as http://localhost:4318"):
        configure(project, 'port = 0\n[monitor.otel]\nendpoint = "localhost:4318"\n')


def test_the_translated_names_are_those_of_prometheus() -> None:
    watcher = Watcher()
    watcher.committed_at = 1
    slot = SlotView(
        data_type="wine", slot="", mode="ready", active=True, pinned=False, serving=0, staged=None, counts=CountView()
    )
    watcher.own = View(at=1, position=0, slots=(slot,), versions=(make_version(times=[(3, 1_000), (1, 2_000_000)]),))
    families = list(Collector(Premises(watcher, Series(), STILL, STILL)).collect())
    suffixes = {"s": "_seconds", "By": "_bytes", "1": ""}
    names = [f"{each.name.replace('.', '_')}{suffixes[each.unit or '']}" for each in translate(families, 1, 2)]
    assert [each.name for each in families if each.samples] == names
    (score,) = (each for each in translate(families, 1, 2) if each.name == "headrace.score")
    assert 4 == sum(score.data.data_points[0].bucket_counts)  # type: ignore[union-attr]
