"""The page of the Beam engine: its keys, its file, and its program, which runs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from headrace.app.beam.configuration import BeamEngineSection, load_beam_configuration
from headrace.app.reading import find_engine
from headrace.engines.beam import ServeModels
from headrace.engines.beam.kafka import ReadFromKafka
from headrace.engines.beam.runner import build_prism

ROW = re.compile(r"^\| `(\w+)` \| ", re.MULTILINE)


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "docs/beam.md").read_text()


def rows(page: str, heading: str) -> list[str]:
    """The names in the table under a heading of its first column."""
    table = page.split(f"| {heading} | ", 1)[1].split("\n\n", 1)[0]
    return ROW.findall(table)


def arguments(made: type) -> list[str]:
    return list(inspect.signature(made).parameters)


def test_every_key_of_the_engine_is_there(page: str) -> None:
    assert [field.name for field in msgspec.structs.fields(BeamEngineSection)] == rows(page, "Key of `[engine]`")


def test_every_argument_of_the_transforms_is_there(page: str, project: Path) -> None:
    assert arguments(ServeModels) == rows(page, "Argument")
    source = (project / "docs/beam-kafka.md").read_text()
    assert ["settings", "topics", *rows(source, "Argument")] == arguments(ReadFromKafka)


def test_the_file_on_the_page_is_sound(page: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "wine.toml"
    file.write_text(example)
    assert "beam" == find_engine(file)
    assert "wine-scoring" == load_beam_configuration(file).engine.group


@pytest.mark.slow
@pytest.mark.xdist_group("beam")
def test_the_programs_run(page: str, project: Path) -> None:
    build_prism()
    pipeline, inference = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for program, expected in ((pipeline, ["ridge {", "undecodable b'no wine'"]), (inference, [])):
        finished = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True,
                                  timeout=100, check=False)  # fmt: skip
        assert finished.returncode == 0, finished.stderr
        for start in expected:
            assert start in finished.stdout
