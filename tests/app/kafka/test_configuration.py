"""Configurations of the Kafka engine: what is refused, and how it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.app.kafka.configuration import load_kafka_configuration
from headrace.app.kafka.engine import build_topic_stream
from headrace.app.reading import find_engine
from headrace.errors import ConfigurationError
from headrace.wire.registry import RegistryCodec

FILE = """
[engine]
name = "kafka"
group = "g"
[kafka]
bootstrap.servers = "localhost:9092"
[models]
topic = "models"
[dead_letters]
topic = "letters"
[records]
topic = "records"
data_type = "wine"
format = "json"
"""


def load(folder: Path, text: str) -> object:
    file = folder / "headrace.toml"
    file.write_text(text)
    assert "kafka" == find_engine(file)
    return load_kafka_configuration(file)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('topic = "letters"', 'topic = "models"', "the topic 'models' is named twice"),
        ('group = "g"', "", "engine.group is not set"),
        ('format = "json"', 'format = "csv"', "takes one of: json, protobuf, avro"),
        ('format = "json"', 'format = "avro"', r"need a table \[records.avro\]"),
        ('format = "json"', 'format = "protobuf"', r"need a table \[records.protobuf\]"),
        ('group = "g"', 'group = "g"\ndelivery = "exactly"', "did you mean 'exactly-once'"),
        ('format = "json"', 'format = "json"\npath = "x"', "unknown key records.path"),
        (
            "[dead_letters]",
            '[results]\ntopic = "r"\nmembers = ["price"]\n[dead_letters]',
            "'price' is no member of a result",
        ),
        (
            "[dead_letters]",
            '[results]\ntopic = "r"\nformat = "protobuf"\nmembers = ["id"]\n[dead_letters]',
            'set results.format = "json"',
        ),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load(tmp_path, FILE.replace(old, new))


def test_topics_begin_and_end_alike(tmp_path: Path) -> None:
    second = '[[records]]\ntopic = "more"\ndata_type = "wine"\nformat = "json"\nfollow = false\n'
    text = FILE.replace("[records]", "[[records]]") + second
    with pytest.raises(ConfigurationError, match="follow has to be the same"):
        load(tmp_path, text)


def test_a_registry_s_framing_is_taken_off(tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text(FILE + 'framing = "registry"\n')
    (section,) = load_kafka_configuration(file).streams
    assert isinstance(build_topic_stream(section).codec, RegistryCodec)


def test_other_files_are_not_of_kafka(tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    assert find_engine(file) is None
    file.write_text("engine = 1")
    assert find_engine(file) is None
    file.write_text("not toml")
    assert find_engine(file) is None
