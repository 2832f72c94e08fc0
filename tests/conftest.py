"""What every test has: the project's folder, and one way to run property tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.postgres import start_postgres

pytest_plugins = ["headrace.testing.fixtures"]

# Compiled kernels make the first example slow: a deadline would measure the compiler.
settings.register_profile("headrace", deadline=None, print_blob=True)
settings.load_profile("headrace")


@pytest.fixture(scope="session")
def project() -> Path:
    """The folder that holds pyproject.toml."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL database of this run alone."""
    with start_postgres() as address:
        yield address


@pytest.fixture(scope="session")
def flink(project: Path) -> Path:
    """The Python of Flink's environment, which `make` makes."""
    program = project / ".venv-flink/bin/python"
    assert program.is_file(), "make .venv-flink/.installed-flink"
    return program
