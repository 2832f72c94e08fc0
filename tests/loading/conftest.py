import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.loading import LoadOptions


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> LoadOptions:
    """Options that know the fake format, in this process and in children."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return LoadOptions(formats={"fake": "fake_format:FakeFormat"}, wall_seconds=20, cpu_seconds=20)


@pytest.fixture
def write(options: LoadOptions) -> Callable[..., bytes]:
    """What writes a model of the fake format."""
    written: Callable[..., bytes] = importlib.import_module("fake_format").write
    return written
