"""``serve_keyed`` and ``serve_partitioned``: two streams in, three out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyflink.common import Types

from headrace.core.settings import JoinSettings
from headrace.engines.flink.decoding import DecodeRecords, RouteModels
from headrace.engines.flink.gathering import Lanes
from headrace.engines.flink.keyed import ServeKeyed
from headrace.engines.flink.manner import KEYED, Manner
from headrace.engines.flink.partitioned import MESSAGES, MODELS, ServePartitioned
from headrace.loading import LoadOptions
from headrace.machinery.elements import Form, select_members
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from pyflink.datastream import DataStream

    from headrace.abc.codec import Codec
    from headrace.records import Command


@dataclass(frozen=True, slots=True)
class Served:
    """What comes out: results, records that could not be scored, and what happened to models."""

    results: DataStream
    dead_letters: DataStream
    events: DataStream


def serve_keyed(
    records: DataStream,
    models: DataStream,
    codec: Codec,
    settings: JoinSettings | None = None,
    options: LoadOptions | None = None,
    *,
    form: Form = Form.VALUES,
    batch_records: int = 4_096,
    delay_ms: int = 50,
    step_ms: int = 100,
    salt: int = 1,
    in_child: bool = True,
    decode: Callable[[bytes], Command] = decode_command,
    members: Collection[str] = (),
    name: str = "headrace",
) -> Served:
    """Score records with the models of their slots; a slot's models are on one task, and all of its records go there.

    Records are bytes, ``RecordElement`` or rows (value, key, source, partition, offset); models are bytes,
    ``ModelElement`` or rows (message, position). A record waits for at most ``delay_ms`` until it is scored together
    with others, at most ``batch_records``. ``salt`` divides the records of a slot among so many keys, each of which
    holds the slot's models. ``step_ms`` is how much event time is taken at once where models switch by it. State is
    found again in a savepoint by ``name``: two calls in one job need two. ``members`` chooses what a line of JSON
    holds, as ``[results] members`` does; none named means all.

    Raises ``ConfigurationError`` for a member that no result has.
    """
    manner = Manner(
        settings or JoinSettings(),
        options or LoadOptions(),
        form,
        batch_records,
        delay_ms,
        step_ms,
        in_child,
        decode,
        select_members(form, members),
    )
    decoded = (
        records.key_by(Lanes(salt), Types.STRING())
        .process(DecodeRecords(manner, codec, salt), KEYED)
        .name(f"{name}: decode records")
        .uid(f"{name}-decode")
    )
    routed = _route(models, manner, salt, name)
    served = (
        decoded.connect(routed)
        .key_by(_first, _first, Types.STRING())
        .process(ServeKeyed(manner), manner.output_type)
        .name(f"{name}: serve by key")
        .uid(f"{name}-serve-keyed")
    )
    return Served(
        served,
        decoded.get_side_output(manner.dead_letters).union(served.get_side_output(manner.dead_letters)),
        routed.get_side_output(manner.events).union(served.get_side_output(manner.events)),
    )


def serve_partitioned(
    records: DataStream,
    models: DataStream,
    codec: Codec,
    settings: JoinSettings | None = None,
    options: LoadOptions | None = None,
    *,
    form: Form = Form.VALUES,
    batch_records: int = 4_096,
    delay_ms: int = 50,
    step_ms: int = 100,
    lanes: int = 1,
    in_child: bool = True,
    decode: Callable[[bytes], Command] = decode_command,
    members: Collection[str] = (),
    name: str = "headrace",
) -> Served:
    """Score records on all tasks, each of which holds every model.

    Takes and gives what ``serve_keyed`` does. Records are spread by the partition that they come from; ``lanes``
    divides each partition among so many, where there are fewer partitions than tasks.
    """
    manner = Manner(
        settings or JoinSettings(),
        options or LoadOptions(),
        form,
        batch_records,
        delay_ms,
        step_ms,
        in_child,
        decode,
        select_members(form, members),
    )
    routed = _route(models, manner, 1, name)
    served = (
        records.key_by(Lanes(lanes), Types.STRING())
        .connect(routed.broadcast(MESSAGES, MODELS))
        .process(ServePartitioned(manner, codec), manner.output_type)
        .name(f"{name}: serve everywhere")
        .uid(f"{name}-serve-partitioned")
    )
    return Served(
        served,
        served.get_side_output(manner.dead_letters),
        routed.get_side_output(manner.events).union(served.get_side_output(manner.events)),
    )


def _route(models: DataStream, manner: Manner, salt: int, name: str) -> DataStream:
    """Route messages, on as many tasks as they come from: so they keep their order."""
    return (
        models.process(RouteModels(manner, salt), KEYED)
        .set_parallelism(models._j_data_stream.getParallelism())  # noqa: SLF001 PyFlink has no other way to ask
        .name(f"{name}: route models")
        .uid(f"{name}-route")
    )


def _first(keyed: Any) -> Any:
    return keyed[0]
