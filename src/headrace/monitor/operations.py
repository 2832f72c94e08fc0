"""What the REST interface offers: one table, from which both the routes and the OpenAPI document are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import msgspec
    from starlette.requests import Request
    from starlette.responses import Response

    from headrace.abc.monitoring import Records, Steering
    from headrace.monitor.series import Series
    from headrace.monitor.watcher import Watcher

Handler = Callable[["Request"], Awaitable["Response"]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of the path or of the query; ``schema`` is JSON Schema."""

    name: str
    told: str
    where: str = "query"
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    ``body`` is the struct of a JSON body, ``raw`` allows bytes as well. ``refusals`` are the statuses of errors beside
    those that every operation has. ``writes``: it changes something.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    group: str
    parameters: tuple[Parameter, ...] = ()
    body: type[msgspec.Struct] | None = None
    raw: bool = False
    status: int = 200
    media: str = "application/json"
    refusals: tuple[int, ...] = ()
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Premises:
    """What handlers have at hand, as ``request.app.state.premises``."""

    watcher: Watcher
    series: Series
    steering: Steering
    records: Records


def premises_of(request: Request) -> Premises:
    """Give what a handler has at hand."""
    found: Premises = request.app.state.premises
    return found
