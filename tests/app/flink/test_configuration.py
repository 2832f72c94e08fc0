"""What a configuration of a Flink engine refuses, each with one message that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.app.flink.configuration import load_flink_configuration
from headrace.errors import ConfigurationError

FILE = """
[engine]
name = "flink-keyed"
checkpoints = "checkpoints"
[kafka]
"bootstrap.servers" = "localhost:9092"
[records]
topic = "wines"
format = "json"
data_type = "wine"
[models]
topic = "models"
[results]
topic = "scores"
[dead_letters]
topic = "dead-letters"
"""


def write(folder: Path, before: str = "", after: str = "") -> Path:
    file = folder / "headrace.toml"
    file.write_text(FILE.replace(before, after) if before else FILE)
    return file


def test_one_table_of_records_is_one_stream(tmp_path: Path) -> None:
    configuration = load_flink_configuration(write(tmp_path))
    assert ["wines"] == [each.topic for each in configuration.streams]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('topic = "scores"', 'topic = "wines"', "wines"),
        ('topic = "models"', 'topic = "models"\nfollow = false', "follow has to be the same for all topics"),
        ("[kafka]", "lanes = 2\n[kafka]", "engine.lanes is for the engine flink-partitioned: set engine.salt"),
        ('"flink-keyed"', '"flink-partitioned"\nsalt = 2', "engine.salt is for the engine flink-keyed"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, before: str, after: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load_flink_configuration(write(tmp_path, before, after))
