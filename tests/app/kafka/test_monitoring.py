"""The monitor of a group: any instance tells what all have done, also when one of them is gone."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.testing.broker import Broker
from headrace.testing.scaling import write_scaling
from tests.app.kafka.serving import Instance, configure, start
from tests.engines.kafka.rig import Rig
from tests.monitor.conftest import PATIENCE
from tests.monitor.otlp import attributes, receive

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def recount(rig: Rig) -> dict[int, dict[str, Any]]:
    """Count the committed results of each version."""
    times: dict[int, list[int]] = {}
    for each in rig.results():
        times.setdefault(each["position"], []).append(each["score_ns"])
    return {
        position: {"records": len(each), "total_ns": sum(each), "min_ns": min(each), "max_ns": max(each)}
        for position, each in times.items()
    }


def tell_versions(told: dict[str, Any]) -> dict[int, dict[str, Any]]:
    names = ("records", "total_ns", "min_ns", "max_ns")
    return {each["position"]: {name: each[name] for name in names} for each in told["versions"] if each["records"]}


def scored(count: int) -> Callable[[Any], bool]:
    return lambda told: told["total"]["scored"] >= count


def wait_for(instance: Instance, holds: Callable[[dict[str, tuple[str, int]]], object]) -> None:
    instance.until("/v1/engine", lambda _: holds(instance.instances()))


def test_statistics_of_a_group_equal_a_recount_whoever_is_asked_and_whoever_is_killed(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    rig = Rig(kafka_broker.bootstrap, partitions=4)
    rig.publish(2)
    file = configure(rig, tmp_path)
    with start(file) as first, start(file) as second:
        wait_for(first, lambda told: sorted(told.values()) == [("present", 2)] * 2)
        rig.send([*range(200), b"no json"])
        told = [each.until("/v1/statistics", scored(200)) for each in (first, second)]
        assert tell_versions(told[0]) == tell_versions(told[1]) == recount(rig)
        assert {"in": 201, "scored": 200, "dead_lettered": 1, "skipped": 0} == told[0]["total"]

        rig.send(range(400))
        second.process.send_signal(signal.SIGKILL)
        second.process.wait(PATIENCE)
        rig.publish(3)
        wait_for(first, lambda told: sorted(told.values()) == [("gone", 0), ("present", 4)])
        rig.send(range(100))
        told_after = first.until("/v1/statistics", scored(700))
        rig.wait_for_results(700)  # those behind the transaction that the kill left open are seen once it is aborted
        assert tell_versions(told_after) == recount(rig)
        assert (True, []) == (told_after["adds_up"], told_after["differences"])
        assert ["retired", "serving"] == [each["state"] for each in told_after["versions"]]
        (letter,) = first.get("/v1/dead-letters")["dead_letters"]
        assert ("undecodable", "no json") == (letter["code"], letter["original"])
        metrics = first.client.get("/metrics").text
        assert 'headrace_instances{state="gone"} 1.0' in metrics
        assert {"ready": True, "reasons": []} == first.get("/health/ready")
    with start(file) as third:
        assert tell_versions(third.until("/v1/statistics", scored(700))) == recount(rig)
        events = third.get("/v1/events")["events"]
        assert "serving" in {each["kind"] for each in events}


def test_a_group_is_steered_by_any_instance(kafka_broker: Broker, tmp_path: Path) -> None:
    rig = Rig(kafka_broker.bootstrap)
    rig.publish(2)
    with start(configure(rig, tmp_path)) as instance:
        rig.send(range(10))
        instance.until("/v1/statistics", scored(10))
        sent = instance.client.post(
            "/v1/publish",
            params={"data_type": "wine", "name": "triple"},
            content=write_scaling(3),
            headers={"content-type": "application/octet-stream"},
        )
        assert 202 == sent.status_code, sent.text
        position = sent.json()["position"]
        instance.until("/v1/models", lambda told: [each["state"] for each in told["models"]] == ["retired", "serving"])
        rig.send(range(10))
        instance.until(f"/v1/models/{position}", lambda told: (told["state"], told["records"]) == ("serving", 10))
        instance.post("/v1/pin", {"data_type": "wine"}, 202)
        instance.until("/v1/slots", lambda told: told["slots"][0]["pinned"])
        assert [{"y": 12.0}] == [
            each["outputs"]
            for each in instance.post("/v1/score", {"data_type": "wine", "records": [{"x": 4}]})["results"]
        ]
    found = sorted((each["outputs"]["y"], each["position"]) for each in rig.results())
    greatest = {place: y for y, place in found}
    assert {0: 18.0, position: 27.0} == greatest


def test_a_collector_gets_what_an_instance_of_a_group_does(kafka_broker: Broker, tmp_path: Path) -> None:
    rig = Rig(kafka_broker.bootstrap)
    rig.publish(2)
    with receive() as receiver:
        table = f'[monitor.otel]\nendpoint = "http://127.0.0.1:{receiver.port}"\n'
        with start(configure(rig, tmp_path, table)) as instance:
            rig.send(range(10))
            instance.until("/v1/statistics", scored(10))
            instance.process.terminate()
            instance.process.communicate(timeout=PATIENCE)
    (life,) = (attributes(each) for each in receiver.spans if each.name == "headrace.model")
    assert (0, "serving") == (life["headrace.position"], life["headrace.model.state"])
    commits = [attributes(each) for each in receiver.spans if each.name == "headrace.commit"]
    assert 10 == sum(each["headrace.scored"] for each in commits)
    assert "headrace.score" in {
        metric.name
        for export in receiver.exports
        for resource in export.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
