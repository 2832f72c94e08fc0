"""The README's commands and programs, run in their order as a newcomer would."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"```(\w+)\n(.*?)```|^    (\.venv/bin/[^\n]*)$", re.DOTALL | re.MULTILINE)


def run(command: list[str], folder: Path, output: Path | None = None) -> str:
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    assert finished.returncode == 0, f"{command}\n{finished.stdout}\n{finished.stderr}"
    if output is not None:
        output.write_text(finished.stdout)
    return finished.stdout


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_readme_works_from_top_to_bottom(project: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(project / "examples")
    binaries = Path(sys.executable).parent
    told = []
    for language, block, command in BLOCK.findall((project / "README.md").read_text()):
        if language == "toml":
            (tmp_path / "headrace.toml").write_text(block)
        elif language == "python":
            told.append(run([sys.executable, "-c", block], tmp_path))
        elif command:
            words = shlex.split(command.replace(".venv/bin", str(binaries)))
            target = tmp_path / words[-1] if ">" in words else None
            told.append(run(words[:-2] if target else words, tmp_path, target))
    assert len(told) == 7
    assert told[1].count("forest") == 1599
    assert '"quality":' in (tmp_path / "results.jsonl").read_text()
    assert "1599" in told[-1]
