"""The page of the formats holds every element, expression, function, feature and type of PMML, and no other."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from headrace.formats.pmml import features
from headrace.formats.pmml.datatypes import data_type
from headrace.formats.pmml.expressions.compiler import FAMILIES
from headrace.formats.pmml.expressions.functions.registry import FUNCTIONS
from headrace.formats.pmml.registry import ELEMENTS, STANDARD

NAME = re.compile(r"`([^`]+)`")


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/formats.md").read_text()


def section(page: str, title: str) -> str:
    return page.partition(f"### {title}\n")[2].partition("\n##")[0]


def rows(page: str, title: str) -> list[list[str]]:
    """The rows of the table of a section, below its head."""
    lines = [line for line in section(page, title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_every_model_element_is_there(page: str) -> None:
    told = {NAME.findall(cells[0])[0]: not cells[1].startswith("no") for cells in rows(page, "Model elements")}
    assert {element: element in ELEMENTS for element in sorted(STANDARD)} == told


def test_every_expression_is_there(page: str) -> None:
    assert set(FAMILIES) == set(NAME.findall(section(page, "Expressions").partition("in derived fields")[0]))


def test_every_function_is_there(page: str) -> None:
    told = [name for cells in rows(page, "Functions") for name in NAME.findall(cells[1])]
    assert sorted(FUNCTIONS) == sorted(told)


def test_every_feature_is_there(page: str) -> None:
    known = {"transformedValue", "decision", *features.FEATURES}
    for module in ELEMENTS.values():
        known |= set(getattr(import_module(f"headrace.formats.pmml.elements.{module}"), "FEATURES", ()))
    assert known == {name for cells in rows(page, "Results") for name in NAME.findall(cells[1])}


def test_every_type_is_given_as_the_page_says(page: str) -> None:
    told: dict[str, str] = {}
    for cells in rows(page, "Types"):
        names, arrows = NAME.findall(cells[0]), cells[2].split(", ")
        told.update(zip(names, arrows if len(arrows) > 1 else arrows * len(names), strict=True))
    assert told == {name: data_type(name.replace("[Y]", "[1960]")).arrow for name in told}
    assert len(told) == 11
