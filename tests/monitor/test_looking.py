"""What the REST interface tells of a running engine, and that it is what the engine has written."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import httpx
import pytest

from tests.app.project import Project, linear
from tests.monitor.conftest import Served, serve

pytestmark = pytest.mark.slow


def recount(project: Project, position: int) -> dict[str, Any]:
    """Count the results of one version."""
    times = [each["score_ns"] for each in project.read() if each["position"] == position]
    return {"records": len(times), "total_ns": sum(times), "min_ns": min(times), "max_ns": max(times)}


def test_health(served: Served) -> None:
    assert {"live": True} == served.get("/health/live")
    assert {"ready": True, "reasons": []} == served.get("/health/ready")


def test_the_engine(served: Served) -> None:
    told = served.get("/v1/engine")
    assert ("embedded", ["records.jsonl"], 0) == (told["engine"], told["records"], told["position"])
    assert [("records.jsonl", 0, 2, 0)] == [tuple(each.values()) for each in told["partitions"]]


def test_statistics_equal_a_recount_of_the_output(served: Served) -> None:
    told = served.get("/v1/statistics")
    (version,) = told["versions"]
    expected = recount(served.project, 0)
    assert expected == {name: version[name] for name in expected}
    assert {"in": 3, "scored": 2, "dead_lettered": 1, "skipped": 0} == told["total"]
    assert (True, []) == (told["adds_up"], told["differences"])


def test_statistics_equal_a_recount_after_a_restart(quiet_project: Project) -> None:
    quiet_project.write_records(*range(50))
    quiet_project.publish(linear(), name="line")
    with serve(quiet_project) as served:
        served.until_scored(50)
    quiet_project.write_records(*range(80))
    with serve(quiet_project) as served:
        (version,) = served.until_scored(80)["versions"]
    expected = recount(quiet_project, 0)
    assert expected == {name: version[name] for name in expected}


def test_models(served: Served) -> None:
    served.project.publish(b"<PMML", name="broken")
    told = served.until(
        "/v1/models", lambda told: [each["state"] for each in told["models"]] == ["serving", "rejected"]
    )
    line, broken = told["models"]
    assert ("line", "7", True, False) == (line["name"], line["version"], line["retained"], line["pinned"])
    assert "XML" in broken["reason"]
    assert [line] == served.get("/v1/models", state="serving", data_type="wine", slot="")["models"]
    assert [] == served.get("/v1/models", data_type="beer")["models"]
    assert [broken] == served.get("/v1/models", limit=1)["models"]


def test_one_model(served: Served) -> None:
    told = served.get("/v1/models/0")
    assert [{"name": "x", "type": "double", "shape": [], "required": True}] == told["inputs"]
    assert ["y"] == [each["name"] for each in told["outputs"]]
    states = ["received", "loading", "verifying", "warming", "staged", "serving"]
    assert states == [each["kind"] for each in told["history"]]
    assert 2 == sum(each["records"] for each in told["histogram"])


def test_outputs_are_told_as_they_are_distributed(served: Served) -> None:
    (output,) = served.get("/v1/models/0")["distributions"]
    assert ("y", True, None, 2) == (output["name"], output["output"], output["drift"], output["records"])
    assert [("3 to 3.25", None, 0.5), ("5 to 5.5", None, 0.5)] == [
        (each["name"], each["expected"], each["found"]) for each in output["bins"]
    ]


@pytest.mark.parametrize("position", ["9", "-1", "one", "9" * 30])
def test_models_that_there_are_not(served: Served, position: str) -> None:
    response = served.client.get(f"/v1/models/{position}")
    assert 404 == response.status_code
    assert "/v1/models lists" in response.json()["error"]["message"]


def test_slots(served: Served) -> None:
    told = served.get("/v1/slots")
    (slot,) = told["slots"]
    assert ({"in": 3, "scored": 2, "dead_lettered": 1, "skipped": 0}, 1) == (told["total"], told["unaddressed"]["in"])
    assert ("wine", "", "ready", "line", None) == (
        slot["data_type"],
        slot["slot"],
        slot["mode"],
        slot["serving"]["name"],
        slot["staged"],
    )


def test_events_are_numbered_and_go_on_after_a_restart(quiet_project: Project) -> None:
    quiet_project.publish(linear())
    with serve(quiet_project) as served:
        first = served.until("/v1/events", lambda told: len(told["events"]) == 6)["events"]
        assert [1, 2, 3, 4, 5, 6] == [each["id"] for each in first]
        assert first[3:5] == served.get("/v1/events", after=3, limit=2)["events"]
    with serve(quiet_project) as served:
        again = served.until("/v1/events", lambda told: len(told["events"]) > 6)["events"]
    assert first == again[:6]


def test_events_as_they_come(served: Served) -> None:
    with served.client.stream("GET", "/v1/events/stream", params={"after": 5}) as response:
        lines = response.iter_lines()
        assert ("id: 6", "event: change") == (next(each for each in lines if each.startswith("id")), next(lines))
        assert "serving" == json.loads(next(lines).removeprefix("data: "))["kind"]
        assert "event: point" == next(each for each in lines if each.startswith("event"))
        assert {"at", "in", "scored", "failed", "skipped", "slots"} == json.loads(next(lines)[6:]).keys()


def test_dead_letters(served: Served) -> None:
    served.until("/v1/dead-letters", lambda told: told["dead_letters"])
    (letter,) = served.get("/v1/dead-letters", limit=5)["dead_letters"]
    assert ("undecodable", "no json", 1) == (letter["code"], letter["original"], letter["offset"])
    assert [] == served.get("/v1/dead-letters", limit=0)["dead_letters"]


@pytest.mark.parametrize("path", ["/v1/events?after=x", "/v1/events?limit=99999", "/v1/dead-letters?limit=-1"])
def test_numbers_that_are_none(served: Served, path: str) -> None:
    response = served.client.get(path)
    assert 400 == response.status_code
    assert "give a whole number" in response.json()["error"]["message"]


def test_the_books_statistics(served: Served) -> None:
    told = served.get("/stats")
    times = [each["score_ns"] / 1e6 for each in served.project.read()]
    assert ("line", 2, None) == (told["name"], told["usage"], told["next"])
    assert (min(times), max(times)) == (told["min"], told["max"])
    assert 404 == served.client.get("/stats", params={"data_type": "beer"}).status_code


def test_the_model_that_is_next(served: Served) -> None:
    served.post("/v1/pin", {"data_type": "wine"}, 202)
    served.project.publish(linear(2), name="later")
    told = served.until("/stats", lambda told: told["next"])
    assert ("line", "later", 0) == (told["name"], told["next"]["name"], told["next"]["usage"])


def test_what_there_is_not(served: Served) -> None:
    assert 404 == served.client.get("/v1/nothing").status_code
    response = served.client.get("/v1/pin")
    assert (405, "POST") == (response.status_code, response.headers["allow"])


def test_metrics(served: Served) -> None:
    text = served.client.get("/metrics").text
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert "2.0" == samples['headrace_records_total{data_type="wine",outcome="scored",slot=""}']
    assert "1.0" == samples['headrace_unaddressed_records_total{outcome="dead_lettered"}']
    assert "2.0" == samples['headrace_score_seconds_count{data_type="wine",slot=""}']
    total = sum(each["score_ns"] for each in served.project.read())
    assert total == pytest.approx(float(samples['headrace_score_seconds_sum{data_type="wine",slot=""}']) * 1e9)
    assert "1.0" == samples["headrace_ready"]
    assert 'name="line"' in next(name for name in samples if name.startswith("headrace_serving_model_info"))


def _serves(name: str, told: Any) -> bool:
    return bool(told["slots"][0]["serving"]["name"] == name)


def test_metrics_have_no_labels_but_the_slots(served: Served) -> None:
    served.until("/v1/statistics", lambda told: told["total"]["scored"] == 2)
    lines = []
    for number in range(3):
        name = f"again{number}"
        served.project.publish(linear(number), name=name)
        served.until("/v1/slots", partial(_serves, name))
        lines.append(served.client.get("/metrics").text.count("\n"))
    assert [lines[0]] * 3 == lines


def test_the_last_view_of_an_idle_engine_is_complete(quiet_project: Project) -> None:
    quiet_project.publish(linear())
    with serve(quiet_project) as served:
        served.until("/v1/slots", lambda told: told["slots"] and told["slots"][0]["serving"])
        quiet_project.write_records(*range(7))
        served.until_scored(7)


def test_an_engine_that_has_ended_closes_its_streams(quiet_project: Project) -> None:
    with serve(quiet_project) as served:
        url = str(served.client.base_url)
        with httpx.Client(base_url=url) as other, other.stream("GET", "/v1/events/stream") as response:
            assert "retry: 1000" == next(response.iter_lines())
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
