"""The connector's jars: where they are, and what is said where something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.engines.spark.jars import VARIABLE, check_java, fetch_jars, find_jars, spark_version
from headrace.errors import ConfigurationError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_jars_that_are_there_are_found_and_not_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = folder / f"spark-sql-kafka-0-10_2.13-{spark_version()}.jar"
    jar.touch()
    monkeypatch.setenv("PATH", "")
    assert [jar] == find_jars()
    assert folder == fetch_jars()


def test_jars_of_another_version_are_not_taken(folder: Path) -> None:
    (folder / "spark-sql-kafka-0-10_2.13-3.5.0.jar").touch()
    with pytest.raises(
        ConfigurationError, match=rf"{spark_version()} is not in .*python -m headrace.engines.spark.jars"
    ):
        find_jars()


def test_a_missing_program_is_one_clear_message(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigurationError, match=r"Maven \(mvn\), and there is none on the PATH; on Debian"):
        fetch_jars()
    with pytest.raises(ConfigurationError, match="Java 17 or later, and there is none on the PATH"):
        check_java()
