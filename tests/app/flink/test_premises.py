"""What is missing for Flink is told in one message, before anything starts."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from headrace.app.flink import premises
from headrace.errors import ConfigurationError, MissingExtraError, SourceError


def put_java(folder: Path, told: str) -> None:
    """Put a program ``java`` that tells a version."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho '{told}' >&2\n")
    program.chmod(0o755)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which nothing is but what a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path / "bin"


def test_an_environment_without_pyflink_is_told(nowhere: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"needs PyFlink 2\.3\.0, which is not in .* of their own"):
        premises.check_flink()


def test_a_missing_java_is_told(nowhere: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs Java 17, and there is none on the PATH"):
        premises.check_java()


@pytest.mark.parametrize("told", ['openjdk version "1.8.0_402"', 'openjdk version "25.0.1" 2025-10-21', "no version"])
def test_a_java_that_flink_does_not_run_on_is_told(nowhere: Path, told: str) -> None:
    put_java(nowhere, told)
    with pytest.raises(ConfigurationError, match="Flink runs on Java 11 or 17 or 21: set JAVA_HOME"):
        premises.check_java()


def test_a_java_that_flink_runs_on_is_taken_from_its_home(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_java(nowhere, 'openjdk version "1.8.0_402"')
    put_java(tmp_path / "home/bin", 'openjdk version "17.0.15" 2025-04-15')
    monkeypatch.setenv("PATH", f"{nowhere}:{Path('/bin')}")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    premises.check_java()


def test_a_missing_connector_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(premises.VARIABLE, str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"-5\.0\.0-2\.2\.jar is not in .*: fetch it with"):
        premises.find_connector()


def test_a_connector_that_does_not_fit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(premises.VARIABLE, str(tmp_path))
    (tmp_path / "flink-sql-connector-kafka-3.4.0-1.20.jar").touch()
    with pytest.raises(ConfigurationError, match=r"3\.4\.0-1\.20\.jar, which does not fit"):
        premises.find_connector()


def test_a_connector_that_is_there_is_not_fetched_again(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(premises.VARIABLE, str(tmp_path))
    jar = tmp_path / f"flink-sql-connector-kafka-{premises.CONNECTOR}.jar"
    jar.touch()
    assert jar == premises.fetch_connector() == premises.find_connector()


def test_without_maven_the_connector_cannot_be_fetched(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(premises.VARIABLE, str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"needs Maven \(mvn\)"):
        premises.fetch_connector()


def test_it_is_kept_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(premises.VARIABLE, raising=False)
    assert Path(sys.prefix) in premises._place().parents


def test_a_cluster_that_cannot_be_reached_is_told() -> None:
    with socket.socket() as bound:  # it is bound and does not listen
        bound.bind(("127.0.0.1", 0))
        port = str(bound.getsockname()[1])
        with pytest.raises(SourceError, match=f"no job manager can be reached at 127.0.0.1:{port} .*--jobmanager"):
            premises.check_cluster("127.0.0.1", port)


def test_a_cluster_that_answers_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        premises.check_cluster("127.0.0.1", str(listening.getsockname()[1]))
