"""An engine that is served: a project of files, its engine on a thread, and a client of its monitor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.app.configuration import load_configuration
from headrace.app.engine import build_engine
from headrace.app.monitoring import open_station
from tests.app.project import RECORDS, REST, Project

PATIENCE = 30.0


@dataclass(frozen=True)
class Served:
    """A running engine and a client of its monitor."""

    project: Project
    client: httpx.Client

    def get(self, path: str, **params: Any) -> Any:
        """Read a JSON document."""
        response = self.client.get(path, params=params)
        assert 200 == response.status_code, response.text
        return response.json()

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        """Send a JSON document."""
        response = self.client.post(path, json=body)
        assert status == response.status_code, response.text
        return response.json()

    def until(self, path: str, holds: Callable[[Any], object]) -> Any:
        """Read a document until something holds of it."""
        ends = time.monotonic() + PATIENCE
        while not holds(told := self.get(path)):
            assert time.monotonic() < ends, told
        return told

    def until_scored(self, records: int) -> Any:
        """Read the statistics until so many records are scored."""
        return self.until("/v1/statistics", lambda told: told["total"]["scored"] == records)


@contextmanager
def serve(project: Project, headers: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Run and serve the engine that is configured for as long as the block takes."""
    configuration = load_configuration(project.config)
    with open_station(configuration) as station:
        assert station is not None
        engine = build_engine(configuration, (station.watcher,))
        thread = threading.Thread(target=engine.run)
        with station.open(engine) as url, httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
            thread.start()
            try:
                yield Served(project, client)
            finally:
                engine.stop()
                thread.join()


def configure(project: Project, monitor: str = "port = 0\n", more: str = "") -> None:
    """Configure a project whose engine follows its records and its models, and is served."""
    project.configure(
        RECORDS + "follow = true\n" + REST + f"[monitor]\n{monitor}" + more,
        {'log = "models"\nfollow = false': 'log = "models"'},
    )


@pytest.fixture
def quiet_project(tmp_path: Path) -> Project:
    """A project that is configured to be served, with no record yet."""
    made = Project(tmp_path)
    made.write_records()
    configure(made)
    return made


@pytest.fixture
def served(quiet_project: Project) -> Iterator[Served]:
    """An engine with one model and three records, one of them none."""
    from tests.app.project import linear

    quiet_project.write_records(1, "no json", 2)
    quiet_project.publish(linear(), name="line", version="7")
    with serve(quiet_project) as found:
        found.until("/v1/statistics", lambda told: told["total"]["in"] == 3)
        yield found
