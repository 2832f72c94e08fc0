"""The page of the configuration holds every key, with what it takes by default, and no other."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from enum import EnumType
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from headrace.app import configuration as sections
from headrace.app.configuration import Configuration, load_configuration

PAGES: Mapping[str, type[msgspec.Struct]] = {
    "engine": sections.EngineSection,
    "records": sections.RecordsSection,
    "records.data_type": sections.DataTypeSection,
    "records.csv": sections.CsvSection,
    "records.protobuf": sections.ProtobufSection,
    "records.avro": sections.AvroSection,
    "models": sections.ModelsSection,
    "loading": sections.LoadingSection,
    "switch": sections.SwitchSection,
    "slots": sections.SlotSection,
    "results": sections.ResultsSection,
    "dead_letters": sections.DeadLettersSection,
    "state": sections.StateSection,
    "monitor": sections.MonitorSection,
    "monitor.otel": sections.OtelSection,
}
HEADING = re.compile(r"^##+ `\[([a-z_]+(?:\.[a-z_]+)?)", re.MULTILINE)
ROW = re.compile(r"^\| `([a-z_]+)` \| (.+?) \| (.+?) \| .+ \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/configuration.md").read_text()


def described(page: str) -> dict[str, dict[str, Any]]:
    """The defaults that the page tells, by section and key; "required" and None for none."""
    parts = HEADING.split(page)
    return {
        name: {key: read_default(default) for key, _, default in ROW.findall(text)}
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def read_default(text: str) -> Any:
    if text in {"required", "none"}:
        return "required" if text == "required" else None
    return tomllib.loads(f"value = {text.strip('`')}")["value"]


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.to_builtins(value)


def test_every_key_is_there_with_its_default(page: str) -> None:
    expected = {
        name: {field.encode_name: default_of(field) for field in msgspec.structs.fields(section)}
        for name, section in PAGES.items()
    }
    assert expected == described(page)


def test_every_section_is_there() -> None:
    fields = msgspec.structs.fields(Configuration)
    assert {name for name in PAGES if "." not in name} == {field.encode_name for field in fields}
    structs = {each for name, each in vars(sections).items() if name.endswith("Section")}
    assert set(PAGES.values()) == structs


def test_every_choice_is_there(page: str) -> None:
    rows = {(name, key): takes for name, text in split(page) for key, takes, _ in ROW.findall(text)}
    for name, section in PAGES.items():
        for field in msgspec.structs.fields(section):
            choices = [str(choice) for choice in find_choices(field.type)]
            assert choices == [choice for choice in choices if f"`{choice}`" in rows[name, field.encode_name]]


def split(page: str) -> list[tuple[str, str]]:
    parts = HEADING.split(page)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def find_choices(kind: Any) -> list[Any]:
    """The words of a choice, or of a choice that may be left out."""
    if isinstance(kind, EnumType):
        return [member.value for member in kind]  # type: ignore[var-annotated]
    inner = get_args(kind)
    if inner and all(isinstance(each, str) for each in inner):
        return list(inner)
    return [choice for each in inner if isinstance(each, type) for choice in find_choices(each)]


def test_the_whole_file_on_the_page_is_sound(page: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "headrace.toml"
    file.write_text(example)
    assert "embedded" == load_configuration(file).engine.name
