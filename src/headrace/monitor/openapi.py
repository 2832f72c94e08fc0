"""The OpenAPI document of the REST interface, made of the table of its operations."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.monitor.access import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.monitor.operations import Operation

_REFUSED = {
    400: "the request is not what the operation takes",
    401: "a token is needed",
    403: "the request comes from another page",
    404: "there is no such thing",
    405: "the path takes another method",
    409: "the command cannot be obeyed",
    413: "the body is too large",
    415: "the body is of another type",
    421: "the host is not this monitor's",
    422: "the record cannot be scored",
    503: "it cannot be done now",
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "required": ["kind", "message"],
                    "properties": {"kind": {"type": "string"}, "message": {"type": "string"}},
                },
            ]
        }
    },
}


def describe_interface(operations: Iterable[Operation]) -> dict[str, Any]:
    """Give the OpenAPI document (version 3.1)."""
    listed = list(operations)
    bodies = [operation.body for operation in listed if operation.body is not None]
    _, components = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headrace",
            "version": version("headrace"),
            "description": "Models served inside data streams: what they do, and commands to them.",
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "Refusal": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _describe(operation: Operation) -> dict[str, Any]:
    is_json = operation.media == "application/json"
    told: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}{operation.path}".translate(str.maketrans("/-{}", "____")),
        "summary": operation.summary,
        "tags": [operation.group],
        "parameters": [
            {
                "name": each.name,
                "in": each.where,
                "required": each.required,
                "description": each.told,
                "schema": each.schema,
            }
            for each in operation.parameters
        ],
        "responses": {
            str(operation.status): {
                "description": operation.summary,
                "content": {operation.media: {"schema": {"type": "object" if is_json else "string"}}},
            },
            **{str(status): _refusal(status, operation) for status in _refusals(operation)},
        },
    }
    if not operation.path.startswith(OPEN):
        told["security"] = [{"token": []}, {}]
    if operation.body is not None:
        content: dict[str, Any] = {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{operation.body.__name__}"}}
        }
        if operation.raw:
            content["application/octet-stream"] = {"schema": {"type": "string", "format": "binary"}}
        told["requestBody"] = {"required": True, "content": content}
    return told


def _refusals(operation: Operation) -> list[int]:
    return sorted({*operation.refusals, 401, 403, 421})


def _refusal(status: int, operation: Operation) -> dict[str, Any]:
    told = status == 503 and operation.path.startswith(("/health/", "/v2/health/"))
    schema = {"type": "object"} if told else {"$ref": "#/components/schemas/Refusal"}
    return {"description": _REFUSED[status], "content": {"application/json": {"schema": schema}}}
