"""A consumer group's offsets in Beam: found before a partition is read, committed once the runner has made it durable.

The step that commits is one of its own behind the reading one, which tells it of every turn that read something. A
runner calls back for each bundle of a step that asks for it, and a worker that then has nothing to call fails: a
reading step has such bundles, when its ranges are laid out and when nothing was there, and this one has none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import apache_beam as beam
from apache_beam import coders
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from headrace.engines.beam.kafka_reader import POLL_SECONDS, Place
from headrace.errors import SourceError
from headrace.transports.kafka.connection import Connection
from headrace.transports.kafka.settings import Setting, read_settings
from headrace.transports.kafka.troubles import error_of

if TYPE_CHECKING:
    from confluent_kafka import Consumer

T = TypeVar("T")

TURNS = "turns"
_REACHED = beam.DoFn.StateParam(ReadModifyWriteStateSpec("reached", coders.VarIntCoder()))
_PASSING = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._WAIT_COORD,  # noqa: SLF001
}


class Turn(NamedTuple):
    """How far a partition was read at once."""

    place: Place
    last: int


class CommitToGroup(beam.PTransform[Any, Any]):
    """Turns to offsets that the group has committed, each behind its last record."""

    def __init__(self, settings: Mapping[str, Setting], group: str) -> None:
        super().__init__()
        self._step = _Commit(settings, group)

    def expand(self, turns: Any) -> Any:
        """Build the graph."""
        by_place = turns | "ByPlace" >> beam.Map(tuple).with_output_types(tuple[Place, int])
        return by_place | "Commit" >> beam.ParDo(self._step)


class _Commit(beam.DoFn):
    """Commits, one partition's turns after each other, and none that comes behind a later one."""

    def __init__(self, settings: Mapping[str, Setting], group: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._settings, self._group = settings, group

    def process(
        self, turn: tuple[Place, int], finalizer: Any = beam.DoFn.BundleFinalizerParam, reached: Any = _REACHED
    ) -> None:
        """Ask for a call when the bundle is durable."""
        place, last = turn
        if last > (-1 if (known := reached.read()) is None else known):
            reached.write(last)
            finalizer.register(partial(self._commit, Turn(place, last)))
        else:
            finalizer.register(_do_nothing)

    def _commit(self, turn: Turn) -> None:
        """Commit where a partition stands. What fails is told by the next commit: nothing is lost by it."""
        connection = Connection(read_settings(self._settings))
        consumer = connection.open_reader({"group.id": self._group})
        there = [TopicPartition(*turn.place, turn.last + 1)]
        try:
            _insist(connection, lambda: consumer.commit(offsets=there, asynchronous=False))
        except KafkaException as error:
            raise connection.fail(SourceError, f"cannot commit for group {self._group!r}", error) from None
        finally:
            consumer.close()


def find_committed(connection: Connection, reader: Consumer, place: TopicPartition) -> int:
    """Give what the reader's group has committed; negative where that is nothing. Raises ``KafkaException``."""

    def ask() -> int:
        return int(reader.committed([place], timeout=POLL_SECONDS * 10)[0].offset)

    return _insist(connection, ask)


def _do_nothing() -> None:
    """Be called."""


def _insist(connection: Connection, call: Callable[[], T]) -> T:
    """Ask a group's coordinator, and again where none is known yet: the first of a cluster takes a while."""
    end = time.monotonic() + connection.seconds
    while True:
        try:
            return call()
        except KafkaException as error:
            if error_of(error).code() not in _PASSING or time.monotonic() > end:
                raise
            time.sleep(POLL_SECONDS)
