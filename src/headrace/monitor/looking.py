"""The reading half of the REST interface: health, models, slots, statistics, events, dead letters."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from headrace.errors import SourceError
from headrace.monitor.answers import answer, read_number
from headrace.monitor.documents import (
    choose,
    describe_counts,
    describe_distributions,
    describe_histogram,
    describe_in_the_books_words,
    describe_member,
    describe_slot,
    describe_statistics,
    describe_version,
)
from headrace.monitor.operations import Operation, Parameter, premises_of
from headrace.wire import jsontext

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from headrace.monitor.operations import Premises

MOST = 2_000
PAUSE = 0.25
LARGEST = 2**63 - 1

_WHOLE = {"type": "integer", "minimum": 0, "maximum": LARGEST}
_LIMIT = Parameter("limit", "at most so many", schema={"type": "integer", "minimum": 0, "maximum": MOST})
_AFTER = Parameter("after", "only those after this number", schema=_WHOLE)
_DATA_TYPE = Parameter("data_type", "only slots of this data type")
_SLOT = Parameter("slot", "only slots of this name")


async def tell_live(_: Request) -> Response:
    """Answer that the process runs."""
    return answer({"live": True})


async def tell_ready(request: Request) -> Response:
    """Answer whether this engine can do its work, and what is in the way; 503 where something is."""
    reasons = await run_in_threadpool(find_obstacles, premises_of(request))
    return answer({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


def find_obstacles(premises: Premises) -> list[str]:
    """List what keeps an engine from its work."""
    watcher = premises.watcher
    reasons = [f"a limit keeps a model from being loaded, and it is tried again: {each}" for each in watcher.deferred]
    if watcher.restoring:
        reasons.append("models that served before the restart are still being loaded")
    if watcher.trouble:
        reasons.append(watcher.trouble)
    return [*reasons, *premises.records.find_problems()]


async def tell_engine(request: Request) -> Response:
    """Answer what runs here."""
    premises = premises_of(request)
    view = premises.watcher.view
    told = {
        **premises.records.describe_engine(),
        "version": version("headrace"),
        "at": view.at,
        "position": view.position,
        "committed_at": premises.watcher.committed_at,
        "partitions": [
            {"source": each.source, "partition": each.partition, "done": each.done, "waiting": each.waiting}
            for each in view.partitions
        ],
        "instances": [describe_member(each) for each in premises.watcher.members],
    }
    return answer(told)


async def list_models(request: Request) -> Response:
    """Answer the publications that the engine knows, by their position; with a limit the last ones."""
    view, limit = premises_of(request).watcher.view, read_number(request, "limit", 0, MOST)
    found = choose(view.versions, {name: request.query_params.get(name) for name in ("data_type", "slot", "state")})
    found.sort(key=lambda each: each.position)
    return answer({"at": view.at, "models": [describe_version(each) for each in (found[-limit:] if limit else found)]})


async def show_model(request: Request) -> Response:
    """Answer one publication with its history."""
    watcher = premises_of(request).watcher
    text = request.path_params["position"]
    known = watcher.view.find(int(text)) if text.isascii() and text.isdecimal() and len(text) < 20 else None
    if known is None:
        raise HTTPException(404, f"there is no publication at position {text!r}: /v1/models lists those there are")
    history = [each for each in watcher.events() if each["position"] == known.position]
    told = describe_version(known) | {
        "history": history,
        "histogram": describe_histogram(known.timing),
        "distributions": describe_distributions(known),
    }
    return answer(told)


async def list_slots(request: Request) -> Response:
    """Answer every slot with its serving and its staged model, and all counts."""
    view = premises_of(request).watcher.view
    found = choose(view.slots, {name: request.query_params.get(name) for name in ("data_type", "slot")})
    told = {"slots": [describe_slot(view, slot) for slot in found]}
    counts = {"unaddressed": describe_counts(view.unaddressed), "total": describe_counts(view.total)}
    return answer({"at": view.at, **told, **counts})


async def show_statistics(request: Request) -> Response:
    """Answer what each version scored and how fast, and whether the counts add up."""
    return answer(describe_statistics(premises_of(request).watcher.view))


async def show_series(request: Request) -> Response:
    """Answer what flowed in the last quarter of an hour."""
    after = read_number(request, "after", 0, LARGEST)
    return answer({"points": premises_of(request).series.since(after)})


async def list_events(request: Request) -> Response:
    """Answer what happened to models."""
    after, limit = read_number(request, "after", 0, LARGEST), read_number(request, "limit", MOST, MOST)
    return answer({"events": premises_of(request).watcher.events(after, limit)})


async def follow_events(request: Request) -> Response:
    """Answer with a stream of server-sent events: ``change`` for models, ``point`` each second."""
    last = request.headers.get("last-event-id", "")
    known = last.isascii() and last.isdecimal() and len(last) < 20
    after = int(last) if known else read_number(request, "after", premises_of(request).watcher.last_event, LARGEST)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_stream(request, after), headers=headers, media_type="text/event-stream")


async def _stream(request: Request, after: int) -> AsyncIterator[str]:
    premises = premises_of(request)
    points = premises.series.points
    at: int = points[-1]["at"] if points else 0
    yield "retry: 1000\n\n"
    while not (request.app.state.closing or await request.is_disconnected()):
        for event in premises.watcher.events(after):
            after = event["id"]
            yield f"id: {after}\nevent: change\ndata: {jsontext.write(event)}\n\n"
        for point in premises.series.since(at):
            at = point["at"]
            yield f"event: point\ndata: {jsontext.write(point)}\n\n"
        await asyncio.sleep(PAUSE)


async def list_dead_letters(request: Request) -> Response:
    """Answer the last records that could not be scored, the newest first."""
    limit = read_number(request, "limit", 100, MOST)
    letters = await run_in_threadpool(_read_dead_letters, premises_of(request), limit)
    return answer({"dead_letters": letters})


def _read_dead_letters(premises: Premises, limit: int) -> list[Any]:
    try:
        return list(premises.records.read_dead_letters(limit))
    except SourceError:
        return []


async def show_book_stats(request: Request) -> Response:
    """Answer as the book's embedded program does: the serving model, and as ``next`` the one that is staged."""
    view = premises_of(request).watcher.view
    data_type, slot = (request.query_params.get(name) for name in ("data_type", "slot"))
    found = [each for each in view.slots if data_type in {None, each.data_type} and (slot is None or slot == each.slot)]
    if len(found) > 1 and slot is None:
        found = [each for each in found if not each.slot] or found
    if len(found) != 1:
        known = ", ".join(f"{each.data_type}/{each.slot}" for each in view.slots) or "none yet"
        raise HTTPException(404, f"name one slot with ?data_type= and ?slot=; there are: {known}")
    serving = describe_in_the_books_words(view.find(found[0].serving))
    staged = describe_in_the_books_words(view.find(found[0].staged))
    empty = {"name": "", "description": "", "since": 0, "usage": 0, "duration": 0.0, "min": 0.0, "max": 0.0}
    return answer({**(serving or empty), "next": staged})


OPERATIONS = (
    Operation("GET", "/health/live", tell_live, "Whether the process runs", "health"),
    Operation("GET", "/health/ready", tell_ready, "Whether the engine can do its work", "health", refusals=(503,)),
    Operation("GET", "/v1/engine", tell_engine, "What runs here, and how far it has read", "engine"),
    Operation("GET", "/v1/models", list_models, "Every publication, by slot and position", "models",
              (_DATA_TYPE, _SLOT, Parameter("state", "only models in this state"),
               Parameter("limit", "at most so many, the last ones; 0 for all", schema=_LIMIT.schema)),
              refusals=(400,)),
    Operation("GET", "/v1/models/{position}", show_model, "One publication, with its history", "models",
              (Parameter("position", "its place in the model stream", "path", _WHOLE, required=True),),
              refusals=(404,)),
    Operation("GET", "/v1/slots", list_slots, "Every slot with what serves and what is staged", "models",
              (_DATA_TYPE, _SLOT)),
    Operation("GET", "/v1/statistics", show_statistics, "What each version scored, and how fast", "statistics"),
    Operation("GET", "/v1/series", show_series, "What flowed in the last quarter of an hour, by the second",
              "statistics", (_AFTER,), refusals=(400,)),
    Operation("GET", "/v1/events", list_events, "What happened to models", "events", (_AFTER, _LIMIT),
              refusals=(400,)),
    Operation("GET", "/v1/events/stream", follow_events, "Events and points as they come (server-sent events)",
              "events", (_AFTER,), media="text/event-stream", refusals=(400,)),
    Operation("GET", "/v1/dead-letters", list_dead_letters, "The last records that could not be scored", "events",
              (_LIMIT,), refusals=(400,)),
    Operation("GET", "/stats", show_book_stats, "The serving model in the words of the book's program", "statistics",
              (_DATA_TYPE, _SLOT), refusals=(404,)),
)  # fmt: skip
