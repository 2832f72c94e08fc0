"""``models`` and ``stats`` of a running engine, by the address of its monitor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.app.project import Project, linear
from tests.monitor.conftest import configure, serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def project_with_a_model(tmp_path: Path) -> Project:
    """A project that is configured to be served, with a model and two records."""
    made = Project(tmp_path)
    made.write_records(1, 2)
    made.publish(linear(), name="line", version="7")
    configure(made)
    return made


def test_models_and_stats_are_those_of_the_state(cli: Cli, project_with_a_model: Project) -> None:
    state = project_with_a_model.state
    with serve(project_with_a_model) as served:
        served.until_scored(2)
        url = str(served.client.base_url)
        running = {name: cli(name, "--url", url).stdout for name in ("models", "stats")}
        told = json.loads(cli("stats", "--url", url, "--json").stdout)
    assert {name: cli(name, "--state", state).stdout for name in running} == running
    kept = json.loads(cli("stats", "--state", state, "--json").stdout)
    for version in kept["versions"]:
        assert [version] == [{name: each[name] for name in version} for each in told["versions"]]
    assert {name: kept[name] for name in ("slots", "total", "unaddressed")} == {
        name: told[name] for name in ("slots", "total", "unaddressed")
    }


def test_a_token_out_of_the_environment(
    cli: Cli, project_with_a_model: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READ", "secret")
    configure(project_with_a_model, 'port = 0\nread_token_env = "READ"\n')
    with serve(project_with_a_model) as served:
        url = str(served.client.base_url)
        refused = cli("models", "--url", url)
        assert 0 == cli("models", "--url", url, "--token-env", "READ").exit_code
    assert 3 == refused.exit_code
    assert "401" in refused.stderr
    assert "HEADRACE_TOKEN" in refused.stderr


@pytest.mark.parametrize(("url", "code"), [("http://127.0.0.1:9", 3), ("file:///etc/passwd", 2)])
def test_addresses_where_no_engine_is(cli: Cli, url: str, code: int) -> None:
    result = cli("stats", "--url", url)
    assert code == result.exit_code
    assert url in result.stderr
