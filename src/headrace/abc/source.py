"""What a source of records, a source of model messages and a pair of wake-up calls must offer to an engine.

1. No method blocks: an engine reads what is there and is woken when there is more.
2. An offset is a record's ordinal in its partition (or the broker's offset): strictly rising, and the same again when
   the partition is read again, where the source is replayable.
3. ``resume`` names the last record that is done: the next one read is the one after it. -1 means from the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headrace.records import ModelMessage, Raw

    Wake = Callable[[], None]


class RecordSource(Protocol):
    """One stream of records in one or more partitions."""

    @property
    def name(self) -> str:
        """The stream's name, as results carry it."""

    @property
    def partitions(self) -> Sequence[int]:
        """The partitions' numbers, known from the start."""

    @property
    def replayable(self) -> bool:
        """Whether ``resume`` can go back to any record that was read: what exactly-once needs."""

    def start(self, wake: Wake) -> None:
        """Begin; ``wake`` may be called from any thread when there is something to read."""

    def resume(self, partition: int, done: int) -> None:
        """Go on after the record of offset ``done``. Called before the first ``read`` of a partition.

        Raises ``SourceError`` where the record is no longer there, or where the source is not replayable.
        """

    def read(self, partition: int, most: int) -> Raw | None:
        """Give up to ``most`` records that are there now, or None where there are none.

        Raises ``SourceError``.
        """

    def exhausted(self, partition: int) -> bool:
        """Whether no further record will ever come."""

    def close(self) -> None:
        """Give back files, threads and connections."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model stream gave. ``read_to`` is the time (ms) up to which nothing further can come.

    It is None while more is there to be read now: an engine starts once it has been told. ``ended``: no message will
    ever come.
    """

    messages: tuple[ModelMessage, ...] = ()
    read_to: int | None = None
    ended: bool = False


class ModelSource(Protocol):
    """The model stream: one log of messages, read whole by every engine."""

    def start(self, wake: Wake) -> None:
        """Begin; ``wake`` may be called from any thread when there is something to read."""

    def resume(self, position: int) -> None:
        """Go on after the message at ``position``; -1 means from the beginning."""

    def poll(self) -> Reading:
        """Give the messages that are there now. Raises ``SourceError``."""

    def close(self) -> None:
        """Give back files, threads and connections."""
