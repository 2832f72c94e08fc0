"""The writing half of the REST interface: each request becomes one message of the model stream.

Nothing here changes the engine: it reads the message from the stream like every other one, and gives its verdict there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from headrace.errors import CommandError
from headrace.monitor.answers import answer, read_body, read_json
from headrace.monitor.operations import Operation, Parameter, premises_of
from headrace.records import Descriptor, FieldProfile, GoldenRecord, Pin, Retire, Rollback, SlotKey, SwitchMode, Unpin
from headrace.wire import jsontext

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from headrace.monitor.view import View
    from headrace.records import Command

Filled = Annotated[str, msgspec.Meta(min_length=1)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Tolerance = Annotated[float, msgspec.Meta(ge=0)]


_OWN_WAY = {"golden", "mapping", "profile"}


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Inputs by field, and the outputs that they must give; NaN and the infinities as text."""

    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Publication(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model for a slot. One of ``content`` (base64), ``location`` and ``digest`` tells where its bytes are."""

    data_type: Filled
    name: Filled
    slot: str = ""
    version: str = ""
    description: str = ""
    model_type: str = ""
    content: bytes | None = None
    location: str = ""
    digest: str = ""
    publication_id: str = ""
    switch: SwitchMode | None = None
    valid_from: Moment | None = None
    golden: list[Golden] = []
    golden_tolerance: Tolerance = Descriptor("", "").golden_tolerance
    mapping: dict[str, list[str]] = {}
    replaces_signature: bool = False
    profile: list[FieldProfile] = []

    def descriptor(self) -> Descriptor:
        """Give the descriptor that is sent."""
        plain = {name: getattr(self, name) for name in self.__struct_fields__ if name not in _OWN_WAY}
        golden = tuple(
            GoldenRecord(jsontext.restore_floats(each.inputs), jsontext.restore_floats(each.outputs))
            for each in self.golden
        )
        mapping = {name: tuple(fields) for name, fields in self.mapping.items()}
        return Descriptor(golden=golden, mapping=mapping, profile=tuple(self.profile), **plain)


class SlotOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A slot that is to be pinned or unpinned."""

    data_type: Filled
    slot: str = ""


class RollbackOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A slot, and what it is to go back to: a digest or the beginning of one, a version, or name and version."""

    data_type: Filled
    to: Filled
    slot: str = ""
    valid_from: Moment | None = None
    publication_id: str = ""


class RetireOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A slot whose service ends, or whose retained version of this digest is forgotten."""

    data_type: Filled
    slot: str = ""
    digest: str = ""


async def publish(request: Request) -> Response:
    """Publish a model: JSON, or the model's bytes with the rest in the query."""
    if request.headers.get("content-type", "").startswith("application/octet-stream"):
        given = {name: value for name, value in request.query_params.items() if name in _IN_QUERY}
        try:
            publication = msgspec.convert({**given, "content": await read_body(request)}, Publication, strict=False)
        except msgspec.MsgspecError as error:
            raise HTTPException(400, f"the query is not what /v1/publish takes: {error}") from error
    else:
        publication = await read_json(request, Publication)
    position, sent = await run_in_threadpool(premises_of(request).steering.publish, publication.descriptor())
    told = {"name": sent.name, "version": sent.version or str(position), "digest": sent.digest}
    return answer({"command": "publish", "position": position, **told}, 202)


async def pin(request: Request) -> Response:
    """Pin a slot."""
    order = await read_json(request, SlotOrder)
    return await _send(request, "pin", Pin(_find_slot(request, order.data_type, order.slot)))


async def unpin(request: Request) -> Response:
    """End a pin."""
    order = await read_json(request, SlotOrder)
    return await _send(request, "unpin", Unpin(_find_slot(request, order.data_type, order.slot)))


async def roll_back(request: Request) -> Response:
    """Offer a retained version again."""
    order = await read_json(request, RollbackOrder)
    key = _find_slot(request, order.data_type, order.slot)
    digest = find_digest(premises_of(request).watcher.view, key, order.to)
    return await _send(request, "rollback", Rollback(key, digest, order.valid_from, order.publication_id))


async def retire(request: Request) -> Response:
    """End a slot's service, or forget one of its versions."""
    order = await read_json(request, RetireOrder)
    return await _send(request, "retire", Retire(_find_slot(request, order.data_type, order.slot), order.digest))


async def _send(request: Request, name: str, command: Command) -> Response:
    position = await run_in_threadpool(premises_of(request).steering.send, command)
    return answer({"command": name, "position": position}, 202)


def _find_slot(request: Request, data_type: str, slot: str) -> SlotKey:
    view = premises_of(request).watcher.view
    if view.find_slot(data_type, slot) is None:
        known = ", ".join(repr(f"{each.data_type}/{each.slot}".rstrip("/")) for each in view.slots) or "none yet"
        raise HTTPException(404, f"there is no slot {slot!r} of data type {data_type!r}; there are: {known}")
    return SlotKey(data_type, slot)


def find_digest(view: View, key: SlotKey, target: str) -> str:
    """Find the retained version of a slot that a text names.

    Raises ``CommandError`` where it names none, or several.
    """
    kept = [
        each for each in view.versions if (each.data_type, each.slot) == (key.data_type, key.name) and each.retained
    ]
    meant = {each.digest for each in kept if target in {each.version, f"{each.name} {each.version}"}}
    meant = meant or {each.digest for each in kept if each.digest.startswith(target.lower())}
    if len(meant) == 1:
        return meant.pop()
    known = "; ".join(dict.fromkeys(f"{each.digest[:12]} ({each.name} {each.version})" for each in kept)) or "nothing"
    if meant:
        raise CommandError(
            f"{target!r} means {len(meant)} models in slot {key}: name one by more of its digest: {known}"
        )
    raise CommandError(f"slot {key} retains no version or digest {target!r}; it retains: {known}")


_IN_QUERY = (
    "data_type", "name", "slot", "version", "description", "model_type", "publication_id", "replaces_signature",
    "switch", "valid_from",
)  # fmt: skip
_QUERY = tuple(Parameter(name, f"{name}, where the body is the model's bytes") for name in _IN_QUERY)

OPERATIONS = (
    Operation("POST", "/v1/publish", publish, "Publish a model", "commands", _QUERY, body=Publication, raw=True,
              status=202, refusals=(400, 413, 415, 503), writes=True),
    Operation("POST", "/v1/pin", pin, "Keep a slot's serving model", "commands", body=SlotOrder, status=202,
              refusals=(400, 404, 413, 415, 503), writes=True),
    Operation("POST", "/v1/unpin", unpin, "End a pin", "commands", body=SlotOrder, status=202,
              refusals=(400, 404, 413, 415, 503), writes=True),
    Operation("POST", "/v1/rollback", roll_back, "Offer a retained version again", "commands", body=RollbackOrder,
              status=202, refusals=(400, 404, 409, 413, 415, 503), writes=True),
    Operation("POST", "/v1/retire", retire, "End a slot's service, or forget a version", "commands", body=RetireOrder,
              status=202, refusals=(400, 404, 413, 415, 503), writes=True),
)  # fmt: skip
