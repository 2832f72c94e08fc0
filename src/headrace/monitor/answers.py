"""Answers and requests as bytes: JSON with an error that says what is wrong, bodies of a bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from headrace.errors import (
    CommandError,
    DescriptorError,
    HeadraceError,
    ModelError,
    RecordError,
)
from headrace.wire import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

T = TypeVar("T")

_STATUS: Mapping[type[HeadraceError], int] = {
    RecordError: 422,
    DescriptorError: 400,
    CommandError: 409,
    ModelError: 422,
}


def answer(document: Any, status: int = 200) -> Response:
    """Answer with a JSON document; NaN and the infinities become text."""
    headers = {"cache-control": "no-store"}
    return Response(jsontext.write(document), status, headers, media_type="application/json")


def refuse(status: int, message: str, kind: str = "Refused", headers: Mapping[str, str] | None = None) -> Response:
    """Answer that it cannot be done, and what to do."""
    response = answer({"error": {"kind": kind, "message": message}}, status)
    response.headers.update(headers or {})
    return response


async def explain_error(request: Request, error: Exception) -> Response:
    """Answer an error that a handler raised."""
    plain = request.url.path.startswith("/v2")
    status, headers = 500, None
    told = f"{type(error).__name__}: this is a defect of Headrace; its log tells where it happened"
    if isinstance(error, HTTPException):
        status, told, headers = error.status_code, error.detail, error.headers
        if status == 404 and told == "Not Found":
            told = f"there is nothing at {request.url.path}: /v1/openapi.json lists what there is"
        elif status == 405:
            told = f"{request.url.path} takes {(headers or {}).get('Allow', 'another method')}, not {request.method}"
    elif isinstance(error, HeadraceError):
        status = next((code for known, code in _STATUS.items() if isinstance(error, known)), 503)
        told = str(error)
    if plain:
        response = answer({"error": told}, status)
        response.headers.update(headers or {})
        return response
    kind = "Refused" if isinstance(error, HTTPException) else type(error).__name__
    return refuse(status, told, kind, headers)


async def read_body(request: Request) -> bytes:
    """Read a body of the allowed size. Raises ``HTTPException`` with status 413."""
    most: int = request.app.state.most_bytes
    length = request.headers.get("content-length", "")
    told = f"the body has more than {most} bytes: raise monitor.max_body_bytes, or publish a location"
    if length.isdecimal() and int(length) > most:
        raise HTTPException(413, told)
    pieces = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise HTTPException(413, told)
        pieces.append(piece)
    return b"".join(pieces)


async def read_json(request: Request, kind: type[T]) -> T:
    """Read a body as a struct. Raises ``HTTPException`` with status 400, 413 or 415."""
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if told not in {"application/json", ""}:
        raise HTTPException(415, f"the body is {told}: send application/json")
    try:
        return msgspec.json.decode(await read_body(request), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, f"the body is not what {request.url.path} takes: {error}") from error


def read_number(request: Request, name: str, default: int, most: int) -> int:
    """Read a number from the query. Raises ``HTTPException`` with status 400."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= most):
        raise HTTPException(400, f"{name} is {text!r}: give a whole number from 0 to {most}")
    return int(text)
