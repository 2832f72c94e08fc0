"""The Open Inference Protocol, as its clients speak it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.project import linear
from tests.monitor.conftest import Served

pytestmark = pytest.mark.slow

TENSOR = {"name": "x", "shape": [3], "datatype": "FP64", "data": [0.0, 1.0, 2.5]}


def infer(served: Served, body: Any, status: int = 200, path: str = "/v2/models/wine/infer") -> Any:
    return served.post(path, body, status)


def test_the_server(served: Served) -> None:
    assert "headrace" == served.get("/v2")["name"]
    assert {"live": True} == served.get("/v2/health/live")
    assert {"ready": True} == served.get("/v2/health/ready")


def test_a_model(served: Served) -> None:
    expected = {
        "name": "wine",
        "versions": ["7"],
        "platform": "headrace",
        "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1]}],
        "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1]}],
    }
    assert expected == served.get("/v2/models/wine") == served.get("/v2/models/wine/versions/7")
    assert {"name": "wine", "ready": True} == served.get("/v2/models/wine/versions/7/ready")


def test_inference(served: Served) -> None:
    expected = {
        "model_name": "wine",
        "model_version": "7",
        "id": "mine",
        "outputs": [{"name": "y", "shape": [3], "datatype": "FP64", "data": [1.0, 3.0, 6.0]}],
    }
    assert expected == infer(served, {"id": "mine", "inputs": [TENSOR]})
    nested = {**TENSOR, "shape": [3, 1], "data": [[0.0], [1.0], [2.5]]}
    assert expected["outputs"] == infer(served, {"inputs": [nested], "outputs": [{"name": "y"}]})["outputs"]


def test_a_slot_with_a_name(served: Served) -> None:
    served.project.publish(linear(5), slot="other", version="1")
    served.until("/v1/slots", lambda told: len(told["slots"]) == 2 and told["slots"][1]["serving"])
    told = infer(served, {"inputs": [TENSOR]}, path="/v2/models/wine:other/versions/1/infer")
    assert ("wine:other", [5.0, 7.0, 10.0]) == (told["model_name"], told["outputs"][0]["data"])


@pytest.mark.parametrize("path", ["/v2/models/beer", "/v2/models/wine/versions/8", "/v2/models/beer/ready"])
def test_models_that_do_not_serve(served: Served, path: str) -> None:
    response = served.client.get(path)
    assert 404 == response.status_code
    assert isinstance(response.json()["error"], str)


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        ([], 422),
        ([TENSOR, TENSOR], 422),
        ([{**TENSOR, "shape": [2]}], 422),
        ([{**TENSOR, "shape": [-1]}], 422),
        ([{**TENSOR, "datatype": "COMPLEX"}], 422),
        ([{**TENSOR, "data": ["a", "b", "c"]}], 422),
        ([{**TENSOR, "name": "z"}], 422),
        ([{"name": "x"}], 400),
    ],
)
def test_requests_that_cannot_be_served(served: Served, inputs: Any, status: int) -> None:
    assert isinstance(infer(served, {"inputs": inputs}, status)["error"], str)


def test_outputs_that_there_are_not(served: Served) -> None:
    told = infer(served, {"inputs": [TENSOR], "outputs": [{"name": "w"}]}, 422)
    assert "there is no output 'w'; there are: y" == told["error"]
