"""In a worker of Flink Numba can be imported, though ``print`` is a method there that no module holds."""

from __future__ import annotations

import subprocess
import sys

WORKER = """
import builtins

class Printer:
    def print(self, *words):
        pass

builtins.print = Printer().print
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_without_it_numba_cannot_be_imported() -> None:
    assert "has no attribute 'print'" in run(f"{WORKER}\nimport numba").stderr


def test_the_package_puts_print_where_numba_looks() -> None:
    done = run(f"{WORKER}\nimport headrace.engines.flink\nimport numba")
    assert (0, "") == (done.returncode, done.stderr)
