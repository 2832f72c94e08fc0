"""One instance that is killed, in a process of its own."""

from __future__ import annotations

import signal
import time
import traceback
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace.abc.source import Reading
from headrace.core.settings import JoinSettings
from headrace.engines.kafka.engine import KafkaEngine
from headrace.engines.kafka.parts import Delivery, Encoders, Group, Manner, Parts, Topics
from headrace.engines.kafka.producing import Acknowledgements, Transactions
from headrace.loading import LoadOptions, open_loader
from headrace.machinery.parts import Cadence
from headrace.records import NoModelPolicy
from headrace.stores.contents import MemoryContents
from headrace.testing.kills.points import Fuse
from headrace.testing.scaling import FORMATS
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.models import ModelTopic
from headrace.transports.kafka.settings import ClientSettings
from headrace.wire.dead_letters import encode_dead_letters
from headrace.wire.descriptor import decode_command
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout
from headrace.wire.results import encode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection as Pipe

    from confluent_kafka import Consumer, TopicPartition

    from headrace.engines.kafka.client import Settings
    from headrace.engines.kafka.producing import Outlet
    from headrace.records import Batch, ModelMessage, Raw
    from headrace.testing.group_kills.plan import Plan

POINTS = ("written", "offsets to be sent", "offsets sent", "committed")
LAYOUT = Layout(ByField("kind"), id_field="id")
SCHEMA = pa.schema([("id", pa.string()), ("kind", pa.string()), ("x", pa.float64())])
_BEATS = {"heartbeat.interval.ms": 500}
"""An instance learns by its next beat that another has joined."""
CADENCE = Cadence(batch_records=64, commit=0.03, poll=0.005, retry=0.1)


@dataclass(frozen=True, slots=True)
class Life:
    """One life of an instance.

    ``told`` is the point at which it kills itself, "" for none. The ``last`` one scores as fast as it can. ``fixed``: a
    restart under its name takes its partitions back. ``late`` is by how many seconds it learns of models late.
    """

    instance: str
    told: str = ""
    last: bool = False
    fixed: bool = True
    late: float = 0.0


class LateModels(ModelTopic):
    """A model topic whose messages come late to this instance."""

    def __init__(self, connection: Connection, topic: str, late: float) -> None:
        super().__init__(connection, topic, decode_command, wait=0.02)
        self._late = late
        self._held: deque[tuple[float, Reading]] = deque()

    def poll(self) -> Reading:
        """Give what came so long ago."""
        self._held.append((time.monotonic() + self._late, super().poll()))
        messages: list[ModelMessage] = []
        read_to = None
        while self._held and self._held[0][0] <= time.monotonic():
            _, reading = self._held.popleft()
            messages += reading.messages
            if reading.messages or reading.read_to is not None:
                read_to = reading.read_to
        return Reading(tuple(messages), read_to)


class FusedTransactions(Transactions):
    """Transactions whose every step is a point."""

    def __init__(self, connection: Connection, settings: Settings, fuse: Fuse) -> None:
        super().__init__(connection, settings)
        self._fuse = fuse

    def send(self, topic: str, messages: list[dict[str, Any]], partition: int) -> None:
        """Write, and come to a point."""
        super().send(topic, messages, partition)
        self._fuse.reach("written")

    def commit(self, offsets: Sequence[TopicPartition], consumer: Consumer) -> None:
        """Commit between two points."""
        self._fuse.reach("offsets to be sent")
        super().commit(offsets, consumer)
        self._fuse.reach("committed")

    def send_offsets(self, offsets: Sequence[TopicPartition], consumer: Consumer) -> None:
        """Send the offsets, and come to a point."""
        super().send_offsets(offsets, consumer)
        self._fuse.reach("offsets sent")


class FusedAcknowledgements(Acknowledgements):
    """The control: what is written is acknowledged some time before its offsets are committed."""

    def __init__(self, connection: Connection, settings: Settings, fuse: Fuse) -> None:
        super().__init__(connection, settings)
        self._fuse = fuse

    def send(self, topic: str, messages: list[dict[str, Any]], partition: int) -> None:
        """Write, and come to a point."""
        super().send(topic, messages, partition)
        self._fuse.reach("written")

    def commit(self, offsets: Sequence[TopicPartition], consumer: Consumer) -> None:
        """Commit between two points."""
        self._producer.flush()
        self._fuse.reach("offsets to be sent")
        super().commit(offsets, consumer)
        self._fuse.reach("committed")


class PacedCodec:
    """Takes its time over each batch, inside the transaction that its results are in; says once that it is at work."""

    def __init__(self, rate: float, at_work: Callable[[], None]) -> None:
        self._codec = JsonCodec(LAYOUT, SCHEMA)
        self._rate, self._tell = rate, at_work
        self._told = False

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch."""
        if not self._told:
            self._told = True
            self._tell()
        if self._rate:
            time.sleep(len(raw) / self._rate)
        return self._codec.decode(raw)

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the columns."""
        return self._codec.schema(data_type)


def open_engine(plan: Plan, life: Life, at_work: Callable[[], None]) -> KafkaEngine:
    """Put an instance together; ``at_work`` is called with its first batch of records."""
    connection = Connection(
        ClientSettings({"bootstrap.servers": plan.bootstrap, "session.timeout.ms": 10_000, **_BEATS})
    )
    group = Group(plan.group, life.instance, fixed=life.fixed)
    fuse = Fuse(life.told)
    exactly = plan.delivery == "exactly-once"

    def make_outlet(connection: Connection, settings: Settings) -> Outlet:
        kind = FusedTransactions if exactly else FusedAcknowledgements
        return kind(connection, settings, fuse)

    parts = Parts(
        connection=connection,
        group=group,
        topics=Topics(
            records={plan.topic("records"): PacedCodec(0.0 if life.last else plan.rate, at_work)},
            dead_letters=plan.topic("dead-letters"),
            state=plan.state(life.instance),
            results=plan.topic("results"),
        ),
        encoders=Encoders(encode_json, lambda letters: encode_dead_letters(letters).splitlines(), lambda _: b""),
        models=LateModels(connection, plan.topic("models"), life.late),
        loader=open_loader(LoadOptions(formats=FORMATS, warm_rows=(1,)), in_child=False),
        contents=MemoryContents(),
        manner=Manner(Delivery(plan.delivery), headers=False),
        outlet=make_outlet,
    )
    exclude = frozenset(LAYOUT.named_fields())
    return KafkaEngine(JoinSettings(no_model=NoModelPolicy.HOLD, exclude=exclude), parts, CADENCE)


def run(plan: Plan, life: Life, errors: str, pipe: Pipe) -> None:
    """Run until killed at the point that it is told or from outside, or until SIGTERM has it leave its group.

    A byte through the pipe says that the instance is at work. What goes wrong is written to the file ``errors``.
    """
    try:
        engine = open_engine(plan, life, lambda: pipe.send_bytes(b"."))
        signal.signal(signal.SIGTERM, lambda *_: engine.stop())
        engine.run()
    except Exception:
        Path(errors).write_text(traceback.format_exc(), encoding="utf-8")
        raise
