"""The locked requirements: whole, hashed, without an address, and agreeing with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

FILES = ("bootstrap", "dev", "flink", "runtime")
NOT_INSTALLED = {"pyspark2pmml"}  # under the AGPL: for who asks for it, not for who develops


def read_pins(project: Path, name: str) -> dict[str, tuple[str, int]]:
    """Give the version and the number of hashes of each package of a requirement file."""
    text = (project / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    pins: dict[str, tuple[str, int]] = {}
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            package, _, rest = line.partition("==")
            pins[package.strip()] = (rest.split()[0], rest.count("--hash=sha256:"))
    return pins


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_and_hashed(project: Path, name: str) -> None:
    pins = read_pins(project, name)
    unhashed = [package for package, (_, hashes) in pins.items() if hashes == 0]
    assert (len(pins) > 0, unhashed) == (True, [])


@pytest.mark.parametrize("name", FILES)
def test_no_file_holds_an_address(project: Path, name: str) -> None:
    text = (project / "requirements" / f"{name}.txt").read_text()
    assert re.findall(r"\S*(?:://|index-url|find-links)\S*", text) == []


@pytest.mark.parametrize("name", ["bootstrap", "runtime"])
def test_smaller_sets_agree_with_the_whole(project: Path, name: str) -> None:
    whole = read_pins(project, "dev")
    differing = {
        package: (pin, whole[package])
        for package, pin in read_pins(project, name).items()
        if package in whole and whole[package] != pin
    }
    assert differing == {}


def test_declared_dependencies_admit_what_is_pinned(project: Path) -> None:
    declared = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    extras = declared["optional-dependencies"]
    pins = read_pins(project, "dev")
    lines = [*declared["dependencies"], *(line for extra in extras.values() for line in extra)]
    lines = [line for line in lines if Requirement(line).name not in NOT_INSTALLED]
    unmet = [
        str(wanted) for wanted in map(Requirement, lines) if pins.get(wanted.name, ("0", 0))[0] not in wanted.specifier
    ]
    assert unmet == []
