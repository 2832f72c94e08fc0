"""What a Kafka engine is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from headrace.engines.kafka.producing import make_outlet

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.abc.codec import Codec
    from headrace.abc.loader import Loader
    from headrace.abc.observer import Observer
    from headrace.abc.source import ModelSource
    from headrace.engines.kafka.client import Settings
    from headrace.engines.kafka.producing import Outlet
    from headrace.engines.kafka.queries import Desk
    from headrace.machinery.parts import EngineContents
    from headrace.records import DeadLetters, Results
    from headrace.transports.kafka.connection import Connection


class Delivery(StrEnum):
    """How often a record may be in the output, whatever crashes."""

    EXACTLY_ONCE = "exactly-once"
    AT_LEAST_ONCE = "at-least-once"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics: ``records`` with the codec of each; "" where there is none."""

    records: Mapping[str, Codec]
    dead_letters: str
    state: str
    results: str = ""
    events: str = ""


@dataclass(frozen=True, slots=True)
class Encoders:
    """How what comes out becomes messages: results a column of values, dead letters and events a list of them."""

    results: Callable[[Results], pa.Array]
    dead_letters: Callable[[DeadLetters], Sequence[bytes]]
    event: Callable[[object], bytes]


@dataclass(frozen=True, slots=True)
class Group:
    """This instance's place among others.

    ``instance`` is unique within the group; ``fixed``: a restart under that name takes its partitions back without a
    rebalance (static membership). ``address`` is where this instance answers queries, "" for nowhere.
    """

    name: str
    instance: str
    fixed: bool = False
    address: str = ""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the engine goes about it. Times are in seconds.

    ``linger`` is how long a result may wait for others to go with. ``from_start``: a partition that nobody has read
    begins with its oldest record, else with the next one. ``skip_lost``: records that retention took before they were
    read are passed over, else the engine ends. ``follow``: go on at the end of the topics.
    """

    delivery: Delivery = Delivery.EXACTLY_ONCE
    linger: float = 0.005
    from_start: bool = True
    skip_lost: bool = False
    follow: bool = True
    headers: bool = True


@dataclass(frozen=True, slots=True)
class Parts:
    """All of it."""

    connection: Connection
    group: Group
    topics: Topics
    encoders: Encoders
    models: ModelSource
    loader: Loader
    contents: EngineContents
    manner: Manner = field(default_factory=Manner)
    observers: Sequence[Observer] = ()
    desk: Desk | None = None
    outlet: Callable[[Connection, Settings], Outlet] = make_outlet
