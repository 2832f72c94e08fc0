"""Commands by REST: each is a message of the model stream, and the engine obeys it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from headrace.stores.contents import digest_of
from tests.app.project import linear
from tests.monitor.conftest import Served

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.slow


def serves(served: Served, name: str) -> None:
    served.until("/v1/slots", lambda told: told["slots"][0]["serving"]["name"] == name)


def test_publishing_as_json(served: Served) -> None:
    content = base64.b64encode(linear(2)).decode()
    told = served.post("/v1/publish", {"data_type": "wine", "name": "two", "content": content, "version": "v2"}, 202)
    assert {
        "command": "publish", "position": 1, "name": "two", "version": "v2", "digest": digest_of(linear(2)),
    } == told  # fmt: skip
    serves(served, "two")


def test_publishing_bytes(served: Served) -> None:
    response = served.client.post(
        "/v1/publish",
        params={"data_type": "wine", "name": "two", "replaces_signature": "true"},
        content=linear(2, "z"),
        headers={"content-type": "application/octet-stream"},
    )
    assert (202, "1") == (response.status_code, response.json()["version"])
    serves(served, "two")


def test_a_model_whose_golden_records_fail_is_rejected(served: Served) -> None:
    content = base64.b64encode(linear(2)).decode()
    golden = [{"inputs": {"x": 1.0}, "outputs": {"y": 40.0}}]
    served.post("/v1/publish", {"data_type": "wine", "name": "two", "content": content, "golden": golden}, 202)
    told = served.until("/v1/models/1", lambda told: told["state"] == "rejected")
    assert ("golden", 1) == (told["reason"][:6], told["golden_records"])


def test_pinning_rolling_back_and_unpinning(served: Served) -> None:
    served.project.publish(linear(2), name="two", version="8")
    serves(served, "two")
    assert {"command": "rollback", "position": 2} == served.post(
        "/v1/rollback", {"data_type": "wine", "to": digest_of(linear())[:8]}, 202
    )
    serves(served, "line")
    served.post("/v1/pin", {"data_type": "wine"}, 202)
    served.until("/v1/slots", lambda told: told["slots"][0]["pinned"])
    served.post("/v1/rollback", {"data_type": "wine", "to": "8"}, 202)
    served.until("/v1/slots", lambda told: told["slots"][0]["staged"])
    served.post("/v1/unpin", {"data_type": "wine"}, 202)
    serves(served, "two")


def test_retiring(served: Served) -> None:
    served.post("/v1/retire", {"data_type": "wine"}, 202)
    served.until("/v1/slots", lambda told: told["slots"][0]["serving"] is None)


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("/v1/pin", {"data_type": "beer"}, 404, "there are: 'wine'"),
        ("/v1/pin", {"data_type": ""}, 400, "length >= 1"),
        ("/v1/pin", {"data_type": "wine", "why": 1}, 400, "unknown field `why`"),
        ("/v1/rollback", {"data_type": "wine", "to": "nine"}, 409, "it retains: "),
        ("/v1/retire", {"data_type": "wine", "digest": "short"}, 400, "digest"),
        ("/v1/publish", {"data_type": "wine", "name": "m"}, 400, "location"),
        ("/v1/publish", {"data_type": "wine", "name": "m", "content": "é"}, 400, "base64"),
    ],
)  # fmt: skip
def test_commands_that_cannot_be_sent(served: Served, path: str, body: object, status: int, told: str) -> None:
    assert told in served.post(path, body, status)["error"]["message"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [(b"{", "application/json", 400), (b"a=1", "application/x-www-form-urlencoded", 415), (b"\xff", "", 400)],
)
def test_bodies_that_are_no_json(served: Served, content: bytes, kind: str, status: int) -> None:
    response = served.client.post("/v1/pin", content=content, headers={"content-type": kind} if kind else {})
    assert status == response.status_code, response.text


def score(served: Served, *records: object) -> httpx.Response:
    return served.client.post("/v1/score", json={"data_type": "wine", "records": records})


def test_scoring_posted_records(served: Served) -> None:
    told = score(served, {"x": 3}, {"x": 0.5, "id": "mine"}).json()
    assert [7.0, 2.0] == [each["outputs"]["y"] for each in told["results"]]
    assert ("line", "7", 0) == tuple(told["model"][name] for name in ("name", "version", "position"))


def test_posted_records_are_not_counted(served: Served) -> None:
    before = served.get("/v1/statistics")["total"]
    score(served, {"x": 3})
    assert before == served.get("/v1/statistics")["total"]


@pytest.mark.parametrize("records", [[], [{}], [{"z": 1}], [{"x": {"y": {}}}]])
def test_records_that_no_model_scores(served: Served, records: list[object]) -> None:
    response = score(served, *records)
    assert 422 == response.status_code
    assert response.json()["error"]["message"]


def test_a_record_that_fails_beside_one_that_does_not(served: Served) -> None:
    first, second = score(served, {"x": 1}, {"x": "seven"}).json()["results"]
    assert {"outputs": {"y": 3.0}, "error": None} == first
    assert second["outputs"] is None
    assert second["error"]


def test_scoring_without_a_model(served: Served) -> None:
    response = served.client.post("/v1/score", json={"data_type": "beer", "records": [{"x": 1}]})
    assert 404 == response.status_code
    assert "served are: 'wine'" in response.json()["error"]["message"]
