"""The Open Inference Protocol (version 2, over REST): a slot is a model, its serving version the model's version.

The one slot of a data type is named as the data type, another one as the data type, a colon and the slot's name.
Records are the first dimension of every tensor. A record that cannot be scored fails the request: the protocol has no
errors of single rows.
"""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from headrace.errors import RecordError
from headrace.monitor.answers import answer, read_json
from headrace.monitor.desk import score_columns
from headrace.monitor.looking import find_obstacles
from headrace.monitor.operations import Operation, Parameter, premises_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from headrace.monitor.watcher import Serving, Watcher
    from headrace.records import Field

DATATYPES = {
    "BOOL": pa.bool_(), "UINT8": pa.uint8(), "UINT16": pa.uint16(), "UINT32": pa.uint32(), "UINT64": pa.uint64(),
    "INT8": pa.int8(), "INT16": pa.int16(), "INT32": pa.int32(), "INT64": pa.int64(), "FP32": pa.float32(),
    "FP64": pa.float64(), "BYTES": pa.string(),
}  # fmt: skip
_NAMES = {kind: name for name, kind in DATATYPES.items()}
_DEEPEST = 8


class Tensor(msgspec.Struct, frozen=True):
    """A tensor of a request, row-major; nested lists are flattened."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class Wanted(msgspec.Struct, frozen=True):
    """An output that is asked for."""

    name: str
    parameters: dict[str, Any] = {}


class Inference(msgspec.Struct, frozen=True):
    """A request for inference; without ``outputs`` all are given."""

    inputs: list[Tensor]
    id: str = ""
    outputs: list[Wanted] = []
    parameters: dict[str, Any] = {}


def name_model(key: tuple[str, str]) -> str:
    """Give the name of a slot as a model."""
    return f"{key[0]}:{key[1]}" if key[1] else key[0]


def _find(request: Request) -> tuple[tuple[str, str], Serving]:
    watcher: Watcher = premises_of(request).watcher
    name, wanted = request.path_params["name"], request.path_params.get("version")
    found = next(((key, each) for key, each in watcher.serving.items() if name_model(key) == name), None)
    if found is None:
        known = ", ".join(map(name_model, watcher.serving)) or "none yet"
        raise HTTPException(404, f"no model {name!r} serves; there are: {known}")
    if wanted not in {None, found[1].version}:
        raise HTTPException(404, f"{name!r} serves version {found[1].version}, not {wanted}")
    return found


async def tell_server(_: Request) -> Response:
    """Answer what this server is."""
    return answer({"name": "headrace", "version": version("headrace"), "extensions": []})


async def tell_live(_: Request) -> Response:
    """Answer that the server runs."""
    return answer({"live": True})


async def tell_ready(request: Request) -> Response:
    """Answer whether all models are ready."""
    ready = not await run_in_threadpool(find_obstacles, premises_of(request))
    return answer({"ready": ready}, 200 if ready else 503)


async def describe_model(request: Request) -> Response:
    """Answer a model's inputs and outputs."""
    key, serving = _find(request)
    signature = serving.model.signature
    return answer(
        {
            "name": name_model(key),
            "versions": [serving.version],
            "platform": "headrace",
            "inputs": [_describe_field(field) for field in signature.inputs],
            "outputs": [_describe_field(field) for field in signature.outputs],
        }
    )


def _describe_field(field: Field) -> dict[str, Any]:
    kind = _NAMES.get(pa.type_for_alias(field.type), "BYTES")
    return {"name": field.name, "datatype": kind, "shape": [-1, *field.shape]}


async def tell_model_ready(request: Request) -> Response:
    """Answer that a model is ready; there is none before it serves."""
    key, _ = _find(request)
    return answer({"name": name_model(key), "ready": True})


async def infer(request: Request) -> Response:
    """Score the records of a request."""
    key, _ = _find(request)
    asked = await read_json(request, Inference)
    return answer(await run_in_threadpool(_infer, premises_of(request).watcher, key, asked))


def _infer(watcher: Watcher, key: tuple[str, str], asked: Inference) -> dict[str, Any]:
    columns = read_tensors(asked.inputs)
    scored = score_columns(watcher, *key, columns)
    if scored.errors:
        row, reason = min(scored.errors.items())
        raise RecordError(f"row {row} cannot be scored: {reason}")
    names = [each.name for each in asked.outputs] or scored.outputs.schema.names
    unknown = [name for name in names if name not in scored.outputs.schema.names]
    if unknown:
        raise RecordError(f"there is no output {unknown[0]!r}; there are: {', '.join(scored.outputs.schema.names)}")
    told: dict[str, Any] = {"model_name": name_model(key), "model_version": scored.by.version}
    if asked.id:
        told["id"] = asked.id
    return told | {"outputs": [write_tensor(name, scored.outputs.column(name)) for name in names]}


def read_tensors(tensors: list[Tensor]) -> pa.RecordBatch:
    """Make columns of tensors; one of a single element to a record is a scalar. Raises ``RecordError``."""
    if not tensors:
        raise RecordError("there are no inputs: give one tensor for each input of the model")
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        raise RecordError(f"an input is there twice: {', '.join(names)}")
    if len({tuple(tensor.shape[:1]) for tensor in tensors}) > 1:
        raise RecordError("the inputs differ in their first dimension, which is the number of records")
    return pa.RecordBatch.from_arrays([_read_tensor(tensor) for tensor in tensors], names=names)


def _read_tensor(tensor: Tensor) -> pa.Array:
    kind = DATATYPES.get(tensor.datatype)
    if kind is None:
        raise RecordError(f"input {tensor.name!r} is of {tensor.datatype!r}; taken are: {', '.join(DATATYPES)}")
    if not tensor.shape or any(size <= 0 for size in tensor.shape):
        raise RecordError(f"input {tensor.name!r} has shape {tensor.shape}: give the number of records, and more of it")
    values = list(_flatten(tensor.data, _DEEPEST))
    if len(values) != math.prod(tensor.shape):
        raise RecordError(f"input {tensor.name!r} has shape {tensor.shape} and {len(values)} values")
    try:
        array = pa.array(values, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise RecordError(f"input {tensor.name!r} holds what is not {tensor.datatype}: {error}") from error
    width = len(values) // tensor.shape[0]
    return array if width == 1 and len(tensor.shape) <= 2 else pa.FixedSizeListArray.from_arrays(array, width)


def _flatten(values: list[Any], depth: int) -> Iterable[Any]:
    for value in values:
        if isinstance(value, list):
            if not depth:
                raise RecordError(f"the data is nested more than {_DEEPEST} deep")
            yield from _flatten(value, depth - 1)
        else:
            yield value


def write_tensor(name: str, column: pa.Array) -> dict[str, Any]:
    """Write an output; a value that is missing or not finite is null, one of no type of the protocol is text."""
    shape = [len(column)]
    while pa.types.is_fixed_size_list(column.type):
        shape.append(column.type.list_size)
        column = column.flatten()
    kind = _NAMES.get(column.type)
    values = column.to_pylist()
    if kind is None:
        values = [None if value is None else str(value) for value in values]
    data = [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]
    return {"name": name, "shape": shape, "datatype": kind or "BYTES", "data": data}


_MODEL = Parameter("name", "the slot as a model", "path", required=True)
_VERSION = Parameter("version", "the version that serves", "path", required=True)


def _both(method: str, suffix: str, handler: Any, summary: str, **more: Any) -> tuple[Operation, Operation]:
    """Give an operation of a model, and the same of a version."""
    return (
        Operation(method, f"/v2/models/{{name}}{suffix}", handler, summary, "inference", (_MODEL,), **more),
        Operation(
            method,
            f"/v2/models/{{name}}/versions/{{version}}{suffix}",
            handler,
            f"{summary}, by version",
            "inference",
            (_MODEL, _VERSION),
            **more,
        ),
    )


OPERATIONS = (
    Operation("GET", "/v2", tell_server, "What this server is", "inference"),
    Operation("GET", "/v2/health/live", tell_live, "Whether the server runs", "inference"),
    Operation("GET", "/v2/health/ready", tell_ready, "Whether all models are ready", "inference", refusals=(503,)),
    *_both("GET", "", describe_model, "A model's inputs and outputs", refusals=(404,)),
    *_both("GET", "/ready", tell_model_ready, "Whether a model is ready", refusals=(404,)),
    *_both("POST", "/infer", infer, "Score records", body=Inference, refusals=(400, 404, 413, 415, 422)),
)
