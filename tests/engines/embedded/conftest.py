from pathlib import Path

import pytest

from tests.engines.embedded.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Log, state and outputs in a temporary directory."""
    return Rig(tmp_path)
