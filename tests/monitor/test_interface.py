"""Whatever is sent, the answer is one that the OpenAPI document tells of: no defect, no hang."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from headrace.monitor.server import OPERATIONS
from tests.app.project import Project, linear
from tests.monitor.conftest import Served, configure, serve

pytestmark = [pytest.mark.slow]

PATHS = sorted({each.path for each in OPERATIONS if each.media != "text/event-stream"})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = Project(tmp_path_factory.mktemp("interface"))
    project.write_records(1, "no json", 2)
    project.publish(linear())
    configure(project)
    with serve(project) as served:
        served.until_scored(2)
        yield served


@pytest.fixture(scope="module")
def document(running: Served) -> Any:
    return running.get("/v1/openapi.json")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_one_that_was_told(running: Served, document: Any, path: str) -> None:
    schema = schemathesis.openapi.from_dict(document)
    for method in document["paths"][path]:
        strategy = schema[path][method.upper()].as_strategy()

        @settings(
            max_examples=25, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(strategy)
        def check(case: Any) -> None:
            response = case.call(base_url=str(running.client.base_url).rstrip("/"), timeout=20)
            assert response.status_code < 500 or response.status_code == 503, (case.as_curl_command(), response.text)
            case.validate_response(response, checks=[status_code_conformance, response_schema_conformance])

        check()
