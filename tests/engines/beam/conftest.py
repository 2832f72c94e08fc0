from __future__ import annotations

import pytest

from headrace.engines.beam.runner import build_prism


@pytest.fixture(scope="session", autouse=True)
def prism() -> None:
    """Have the runner, built where it is not there yet."""
    build_prism()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the pipelines in one process: they share one runner."""
    for item in items:
        if "tests/engines/beam" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("beam"))
