"""The page of the Kafka engine holds every key, with what it takes by default, and its example is sound."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from headrace.app.kafka import configuration as sections
from headrace.app.kafka.configuration import load_kafka_configuration
from headrace.app.reading import find_engine
from tests.docs.test_configuration_page import default_of, described, find_choices

PAGES: Mapping[str, type[msgspec.Struct]] = {
    "engine": sections.KafkaEngineSection,
    "records": sections.TopicSection,
    "models": sections.ModelTopicSection,
    "results": sections.ResultTopicSection,
    "dead_letters": sections.OutTopicSection,
    "events": sections.OutTopicSection,
    "state": sections.OutTopicSection,
    "queries": sections.QueriesSection,
}


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/kafka.md").read_text()


def test_every_key_is_there_with_its_default(page: str) -> None:
    found = described(page)
    assert ({}, {}) == (found.pop("kafka"), found.pop("monitor"))
    assert found == {
        name: {field.encode_name: default_of(field) for field in msgspec.structs.fields(section)}
        for name, section in PAGES.items()
    }


def test_every_choice_is_there(page: str) -> None:
    for section in PAGES.values():
        for field in msgspec.structs.fields(section):
            choices = [str(choice) for choice in find_choices(field.type)]
            assert [] == [choice for choice in choices if f"`{choice}`" not in page]


def test_the_file_on_the_page_is_sound(page: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "wine.toml"
    file.write_text(example)
    assert "kafka" == find_engine(file)
    assert "wine-scoring-state" == load_kafka_configuration(file).kept
