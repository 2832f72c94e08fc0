"""What every test has: the project's folder, and one way to run property tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["headrace.testing.fixtures"]

# Compiled kernels make the first example slow: a deadline would measure the compiler.
settings.register_profile("headrace", deadline=None, print_blob=True)
settings.load_profile("headrace")


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def flink(project: Path) -> Path:
    """The Python of Flink's environment, which `make` makes."""
    program = project / ".venv-flink/bin/python"
    assert program.is_file(), "make .venv-flink/.installed-flink"
    return program
