"""One partition's records on their way through the join: first in, first out.

Rules:

1. Rows leave in their order. The first row that must wait (for a model, or for the model stream) holds those behind it.
2. ``done`` is the offset of the last row that left, -1 before the first: a source resumes after it.
3. ``floors`` holds the greatest position used in each slot that switches by ``ready``: no later row meets a lesser one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.core.timeline import BEGINNING

if TYPE_CHECKING:
    from headrace.records import Batch, SlotKey

PartitionKey = tuple[str, int]
"""The source's name and the partition's number."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition has come: what is committed with it, and what its next owner has to know."""

    done: int = -1
    max_time: int = BEGINNING
    floors: Mapping[SlotKey, int] = field(default_factory=dict)


@dataclass(slots=True)
class Pending:
    """A batch in the queue: the rows from ``start`` on are still to be done. ``arrived`` is the position read then."""

    batch: Batch
    arrived: int
    start: int = 0


@dataclass(slots=True)
class Partition:
    """The queue and the progress of one partition. ``max_time`` is the greatest record time that has left."""

    key: PartitionKey
    queue: deque[Pending] = field(default_factory=deque)
    done: int = -1
    max_time: int = BEGINNING
    floors: dict[SlotKey, int] = field(default_factory=dict)
    finished: bool = False

    @property
    def waiting(self) -> int:
        """How many rows are in the queue."""
        return sum(len(pending.batch) - pending.start for pending in self.queue)

    @property
    def progress(self) -> Progress:
        """How far the partition has come."""
        return Progress(self.done, self.max_time, dict(self.floors))

    @property
    def exhausted(self) -> bool:
        """Whether no row is here, nor will come."""
        return self.finished and not self.queue
