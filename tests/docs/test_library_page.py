"""The programs of the library page, run in their order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXPECTED = [
    r"\['fixed_acidity', .*'alcohol'\]\n5\n",
    r"\{'pounds': 4\.4\}\n",
    r"forest b67154c1e6af \d \d+\n",
    r"2 True\n",
    r"1599\n",
    r"\{'y': 5\.0\}\n",
]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_programs_print_what_they_should(project: Path, tmp_path: Path) -> None:
    programs = re.findall(r"```python\n(.*?)```", (project / "docs/library.md").read_text(), re.DOTALL)
    for program, expected in zip(programs, EXPECTED, strict=True):
        finished = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True,
                                  timeout=100, check=False)  # fmt: skip
        assert finished.returncode == 0, f"{program}\n{finished.stderr}"
        assert re.fullmatch(expected, finished.stdout), finished.stdout
