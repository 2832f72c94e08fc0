"""``headrace validate`` with configurations of engines over other runtimes: nothing of these is needed for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

FILE = """
[engine]
{engine}
[kafka]
"bootstrap.servers" = "127.0.0.1:1"
[records]
topic = "wines"
format = "json"
data_type = "wine"
[models]
topic = "models"
[results]
topic = "scores"
[dead_letters]
topic = "letters"
"""
ENGINES = {
    "spark": 'name = "spark"\ncheckpoint = "here"',
    "flink-keyed": 'name = "flink-keyed"\ncheckpoints = "here"',
    "flink-partitioned": 'name = "flink-partitioned"\ncheckpoints = "here"',
}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_is_checked_and_it_is_told_that_topics_were_not_looked_at(cli: Cli, tmp_path: Path, engine: str) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(engine=ENGINES[engine]))
    shown = cli("validate", file)
    assert 0 == shown.exit_code, shown.stderr
    assert f"engine: {engine}" in shown.stdout
    plan = json.loads(cli("validate", "--json", file).stdout)["plan"]
    assert ("json", "scores", "letters") == (plan["records wines"], plan["results"], plan["dead_letters"])
    assert plan["topics"].startswith("not looked at")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('format = "json"', 'format = "jsn"', "records.format"),
        ('topic = "scores"', 'topic = "wines"', "'wines' is named twice"),
        ('topic = "scores"', 'topic = "scores"\nmembers = ["price"]', "'price' is no member of a result"),
        ("checkpoint =", "chekpoint =", "did you mean 'checkpoint'"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(cli: Cli, tmp_path: Path, old: str, new: str, told: str) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(engine=ENGINES["spark"]).replace(old, new))
    shown = cli("validate", file)
    assert 2 == shown.exit_code
    assert told in shown.stderr


def test_beam_has_settings_by_which_the_broker_is_asked(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE.format(engine='name = "beam"'))
    shown = cli("validate", file)
    assert 0 != shown.exit_code
    assert "127.0.0.1:1" in shown.stderr
