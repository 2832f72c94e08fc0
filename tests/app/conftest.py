"""The project that tests of this room work in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.project import RECORDS, REST, Project


@pytest.fixture
def project_of_files(tmp_path: Path) -> Project:
    """A directory with a sound configuration and nothing else."""
    made = Project(tmp_path)
    made.configure(RECORDS + REST)
    return made
