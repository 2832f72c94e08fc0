"""The user's guide, run as a person would: every file, command and program of a page, in the page's order.

A block of text after a command or a program is part of what it prints, line by line.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.app.configuration import load_configuration
from headrace.app.kafka.configuration import load_kafka_configuration
from headrace.app.reading import find_engine

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"# ([a-z]+\.toml)\n")
FEWEST = {
    "choosing": 1,
    "from-pypmml": 3,
    "from-runinference": 3,
    "from-the-book": 2,
    "operating": 5,
    "upgrading": 4,
}
"""How many commands and programs each page holds at least, so that a page whose blocks are not found is told."""


def read(project: Path, page: str, port: int = 5000) -> list[tuple[str, str]]:
    """The blocks of a page; the monitor's port is replaced."""
    text = (project / "docs/guide" / f"{page}.md").read_text()
    return BLOCK.findall(text.replace("port = 5000", f"port = {port}").replace("localhost:5000", f"localhost:{port}"))


def find_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found: int = taken.getsockname()[1]
        return found


def run(language: str, block: str, folder: Path) -> str:
    own = [sys.executable, "-c"] if language == "python" else ["bash", "-euo", "pipefail", "-c"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    log = folder / "told.log"
    with log.open("w") as told, subprocess.Popen(
        [*own, block], cwd=folder, stdout=told, stderr=subprocess.STDOUT, env={**os.environ, "PATH": path},
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            code = process.wait(200)
        finally:
            stop(process.pid)
    found = log.read_text()
    assert 0 == code, f"{block}\n{found}"
    return found


def stop(group: int) -> None:
    """End what a block has left running, so that a page that fails leaves nothing behind."""
    try:
        os.killpg(group, 9)
    except ProcessLookupError:
        return


def write(text: str, folder: Path) -> None:
    """Keep a configuration under the name in its first line, and check that its engine reads it."""
    named = NAMED.match(text)
    assert named is not None, text
    file = folder / named[1]
    file.write_text(text)
    load = load_kafka_configuration if find_engine(file) == "kafka" else load_configuration
    load(file)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", sorted(FEWEST))
def test_every_command_and_program_of_the_guide_runs(page: str, project: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(project / "examples")
    told, ran = "", 0
    for language, block in read(project, page, find_port()):
        if language == "toml":
            write(block, tmp_path)
        elif language == "text":
            assert [] == [line for line in block.splitlines() if line not in told], told
        else:
            told = run(language, block, tmp_path)
            ran += 1
    assert ran >= FEWEST[page]


def test_every_page_of_the_guide_is_run(project: Path) -> None:
    pages = {each.stem for each in (project / "docs/guide").glob("*.md")} - {"README"}
    assert pages == set(FEWEST)


def test_every_alert_is_explained(project: Path) -> None:
    alerts = re.findall(r"- alert: (\w+)", (project / "docs/monitoring/alerts.yml").read_text())
    assert alerts == re.findall(r"^### (Headrace\w+)$", (project / "docs/guide/operating.md").read_text(), re.MULTILINE)


def test_every_benchmark_that_is_quoted_is_there(project: Path) -> None:
    quoted = re.findall(r"make bench-([a-z]+)", (project / "docs/guide/choosing.md").read_text())
    folder = project / "benchmarks"
    assert quoted
    assert [] == [name for name in quoted if not ((folder / f"{name}.py").exists() or (folder / name).is_dir())]


def test_what_is_untried_says_so(project: Path) -> None:
    files = sorted(path for path in (project / "deploy").iterdir() if path.suffix != ".md")
    assert ["Containerfile", "headrace@.service"] == [path.name for path in files]
    assert [] == [path.name for path in files if not path.read_text().startswith("# UNTRIED")]
