"""Posted records, scored by the model that serves.

Rules:

1. Such records are no part of the stream: they are not counted, and leave no result.
2. Scoring runs on a thread of the monitor with the very model that serves. Where that one is closed meanwhile, because
   another took over, the record is scored by its successor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from headrace.binding import bind
from headrace.errors import HeadraceError, ModelError, RecordError
from headrace.monitor.answers import answer, read_json
from headrace.monitor.commanding import Filled
from headrace.monitor.operations import Operation, premises_of
from headrace.wire.columns import build_columns, flatten
from headrace.wire.failures import Failures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from headrace.monitor.watcher import Serving, Watcher

TRIES = 3


class Posted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records to be scored, as they would be in the stream."""

    data_type: Filled
    records: list[dict[str, Any]]
    slot: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """Outputs of posted records, and by row why one has none; ``took_ns`` is for all."""

    by: Serving
    outputs: pa.RecordBatch
    errors: Mapping[int, str]
    took_ns: int


def find_serving(watcher: Watcher, data_type: str, slot: str) -> Serving:
    """Find what serves a slot. Raises ``HTTPException`` with status 404."""
    serving = watcher.serving.get((data_type, slot))
    if serving is None:
        known = ", ".join(repr("/".join(key).rstrip("/")) for key in watcher.serving) or "none yet"
        raise HTTPException(404, f"no model serves slot {slot!r} of data type {data_type!r}; served are: {known}")
    return serving


def score_columns(watcher: Watcher, data_type: str, slot: str, columns: pa.RecordBatch) -> Scored:
    """Score columns with the serving model. Raises ``HTTPException``, ``RecordError`` and ``ModelError``."""
    serving = find_serving(watcher, data_type, slot)
    for _ in range(TRIES):
        try:
            return _score(serving, columns)
        except HeadraceError:
            raise
        except Exception as error:
            now = find_serving(watcher, data_type, slot)
            if now.position == serving.position:
                raise RecordError(f"{serving.name} {serving.version} cannot score this: {error}") from error
            serving = now
    raise ModelError(f"the models of slot {slot!r} of data type {data_type!r} change too fast: try again")


def _score(serving: Serving, columns: pa.RecordBatch) -> Scored:
    began = time.perf_counter_ns()
    binding = bind(serving.model.signature, columns.schema, serving.mapping, exclude=serving.exclude)
    bound, unbound = binding.apply(columns)
    scores = serving.model.score(bound)
    took = time.perf_counter_ns() - began
    return Scored(serving, scores.outputs, {**scores.errors, **unbound}, took)


def read_columns(records: list[dict[str, Any]]) -> tuple[pa.RecordBatch, dict[int, str]]:
    """Make columns of records, as those of a stream are made, and tell which do not fit. Raises ``RecordError``."""
    failures = Failures()
    rows = np.arange(len(records), dtype=np.int64)
    try:
        columns = build_columns(flatten(records, rows, failures), rows, None, failures)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise RecordError(f"the records do not make columns: {error}") from error
    return columns, {failure.row: failure.reason for failure in failures.in_order()}


async def score(request: Request) -> Response:
    """Score posted records by the serving model."""
    posted = await read_json(request, Posted)
    return answer(await run_in_threadpool(_score_posted, premises_of(request).watcher, posted))


def _score_posted(watcher: Watcher, posted: Posted) -> dict[str, Any]:
    find_serving(watcher, posted.data_type, posted.slot)
    if not any(posted.records):
        raise RecordError("there are no records, or none has a field: give at least one")
    columns, unfit = read_columns(posted.records)
    scored = score_columns(watcher, posted.data_type, posted.slot, columns)
    errors = {**scored.errors, **unfit}
    rows = scored.outputs.to_pylist()
    return {
        "model": {name: getattr(scored.by, name) for name in ("name", "version", "digest", "position")},
        "score_ns": scored.took_ns // len(rows),
        "results": [
            {"outputs": None if row in errors else outputs, "error": errors.get(row)}
            for row, outputs in enumerate(rows)
        ],
    }


OPERATIONS = (
    Operation("POST", "/v1/score", score, "Score posted records by the serving model", "scoring", body=Posted,
              refusals=(400, 404, 413, 415, 422)),
)  # fmt: skip
