"""The runner, and an end to what a worker process keeps."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from headrace.engines.beam.runner import build_prism
from headrace.machinery.shelf import close_shelves


@pytest.fixture(scope="session", autouse=True)
def prism() -> Iterator[None]:
    """Have the runner, built where it is not there yet."""
    build_prism()
    yield
    close_shelves()
    for name in ("apache_beam", "PrismRunner"):  # they log at the exit, to what the test run has closed
        logging.getLogger(name).setLevel(logging.CRITICAL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the pipelines in one process: they share one runner."""
    for item in items:
        if "tests/engines/beam" in str(item.path) and "kafka_broker" not in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("beam"))
