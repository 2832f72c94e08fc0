"""Fixtures of pytest for a person's own tests: ``pytest_plugins = ["headrace.testing.fixtures"]`` in a conftest.

``kafka_broker`` is one broker for a whole session. With pytest-xdist and ``--dist loadgroup``, the tests that use it
run in one process, so that one broker serves them all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headrace.testing.broker import Broker

GROUP = "kafka"


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """Give a broker that runs for the whole session: give topics and groups names of their own."""
    with Broker() as broker:
        yield broker


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that use the broker together."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if "kafka_broker" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(GROUP))
