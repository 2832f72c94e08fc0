"""Who is let in: hosts, origins, tokens, sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.app.checks import survey
from headrace.app.configuration import MonitorSection
from headrace.app.monitoring import build_access, open_station
from headrace.errors import ConfigurationError
from headrace.monitor.access import Access
from tests.app.project import Project
from tests.monitor.conftest import configure, serve

PIN = {"data_type": "wine"}


@pytest.fixture
def guarded(quiet_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose monitor asks for tokens."""
    (quiet_project.path / "token").write_text("reader\n")
    monkeypatch.setenv("HEADRACE_WRITE", "writer")
    configure(quiet_project, 'port = 0\nread_token_file = "token"\nwrite_token_env = "HEADRACE_WRITE"\n')
    return quiet_project


def test_tokens(guarded: Project) -> None:
    with serve(guarded) as served:
        statuses = {
            (token, method): served.client.request(
                method, path, headers={"authorization": f"Bearer {token}"} if token else {}, json=PIN
            ).status_code
            for token in ("", "reader", "writer", "other")
            for method, path in (("GET", "/v1/slots"), ("POST", "/v1/pin"))
        }
        assert {
            ("", "GET"): 401, ("", "POST"): 401, ("other", "GET"): 401, ("other", "POST"): 401,
            ("reader", "GET"): 200, ("reader", "POST"): 401, ("writer", "GET"): 200, ("writer", "POST"): 404,
        } == statuses  # fmt: skip
        assert "Bearer" == served.client.get("/v1/slots").headers["www-authenticate"]


@pytest.mark.parametrize(
    ("read", "write", "allowed"),
    [
        ("", "", {"": "rw", "r": "rw", "w": "rw"}),
        ("r", "", {"": "", "r": "rw", "w": ""}),
        ("", "w", {"": "r", "r": "r", "w": "rw"}),
        ("r", "w", {"": "", "r": "r", "w": "rw"}),
    ],
)
def test_which_token_allows_what(read: str, write: str, allowed: dict[str, str]) -> None:
    access = Access(read_token=read, write_token=write)
    told = {
        token: "r" * access.allows(token, writing=False) + "w" * access.allows(token, writing=True) for token in allowed
    }
    assert allowed == told


def test_scoring_is_reading(guarded: Project) -> None:
    with serve(guarded, {"authorization": "Bearer reader"}) as served:
        served.post("/v1/score", {"data_type": "wine", "records": [{"x": 1}]}, 404)


@pytest.mark.parametrize("path", ["/", "/site/index.html", "/health/live", "/v2/health/live", "/v1/openapi.json"])
def test_what_is_open(guarded: Project, path: str) -> None:
    with serve(guarded) as served:
        assert 200 == served.client.get(path).status_code


def test_other_hosts_are_refused(quiet_project: Project) -> None:
    configure(quiet_project, 'port = 0\nhosts = ["Stream.example"]\n')
    with serve(quiet_project) as served:
        hosts = ("127.0.0.1:5000", "localhost", "[::1]:80", "stream.example", "evil.example", "")
        statuses = [served.client.get("/v1/slots", headers={"host": host}).status_code for host in hosts]
    assert [200, 200, 200, 200, 421, 421] == statuses


def test_other_origins_are_refused(quiet_project: Project) -> None:
    with serve(quiet_project) as served:
        own = str(served.client.base_url).rstrip("/")
        statuses = [
            served.client.post("/v1/pin", json=PIN, headers={"origin": origin}).status_code
            for origin in (own, "http://evil.example", "null")
        ]
    assert [404, 403, 403] == statuses


def test_every_answer_is_guarded(quiet_project: Project) -> None:
    with serve(quiet_project) as served:
        headers = served.client.get("/v1/slots", headers={"host": "evil.example"}).headers
    assert ("nosniff", "DENY") == (headers["x-content-type-options"], headers["x-frame-options"])
    assert "default-src 'self'" in headers["content-security-policy"]


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_are_bounded(quiet_project: Project, chunked: bool) -> None:
    configure(quiet_project, "port = 0\nmax_body_bytes = 100\n")
    body = b"x" * 101
    with serve(quiet_project) as served:
        response = served.client.post("/v1/score", content=iter([body]) if chunked else body)
    assert 413 == response.status_code
    assert "monitor.max_body_bytes" in response.json()["error"]["message"]


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "::", "stream.example"])
def test_other_machines_need_tokens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READ", "r")
    with pytest.raises(ConfigurationError, match="there is no read_token"):
        build_access(MonitorSection(address=address))
    with pytest.raises(ConfigurationError, match="there is no write_token"):
        build_access(MonitorSection(address=address, read_token_env="READ"))
    monkeypatch.setenv("WRITE", "w")
    assert (
        "w" == build_access(MonitorSection(address=address, read_token_env="READ", write_token_env="WRITE")).write_token
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "127.5.0.1"])
def test_this_machine_needs_none(address: str) -> None:
    assert "" == build_access(MonitorSection(address=address)).read_token


def test_tokens_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="names HEADRACE_NONE, which is not set"):
        build_access(MonitorSection(read_token_env="HEADRACE_NONE"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        build_access(MonitorSection(read_token_file=tmp_path / "none"))
    (tmp_path / "empty").touch()
    with pytest.raises(ConfigurationError, match="is empty"):
        build_access(MonitorSection(write_token_file=tmp_path / "empty"))
    with pytest.raises(ConfigurationError, match="one of the two"):
        MonitorSection(read_token_env="A", read_token_file=tmp_path / "a")


def test_validate_tells_of_a_monitor_that_would_not_start(quiet_project: Project) -> None:
    configure(quiet_project, 'port = 0\naddress = "0.0.0.0"\n')
    (problem,) = survey(quiet_project.configure(quiet_project.config.read_text())).problems
    assert str(problem).startswith("monitor: monitor.address is 0.0.0.0")


def test_an_address_that_is_in_use(quiet_project: Project) -> None:
    with serve(quiet_project) as served:
        port = served.client.base_url.port
        configure(quiet_project, f"port = {port}\n")
        taken = quiet_project.configure(quiet_project.config.read_text())
        with pytest.raises(ConfigurationError, match="to another"), open_station(taken):
            pass
