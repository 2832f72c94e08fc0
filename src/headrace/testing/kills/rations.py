"""A source that gives a share of its records and then keeps silent: what is to be killed never ends by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.abc.source import RecordSource
    from headrace.records import Raw


class Rations:
    """A ``RecordSource`` that gives what another one gives, up to an offset that ``ends`` tells for each partition."""

    def __init__(self, source: RecordSource, ends: Mapping[int, int]) -> None:
        self._source, self._ends = source, ends
        self._next: dict[int, int] = {}

    @property
    def name(self) -> str:
        """The source's name."""
        return self._source.name

    @property
    def partitions(self) -> Sequence[int]:
        """The source's partitions."""
        return self._source.partitions

    @property
    def replayable(self) -> bool:
        """Whether the source is."""
        return self._source.replayable

    def start(self, wake: Callable[[], None]) -> None:
        """Begin."""
        self._source.start(wake)

    def resume(self, partition: int, done: int) -> None:
        """Go on after the record of offset ``done``."""
        self._next[partition] = done + 1
        self._source.resume(partition, done)

    def read(self, partition: int, most: int) -> Raw | None:
        """Give records of the share, None once there are no more of it."""
        left = self._ends[partition] - self._next.get(partition, 0)
        raw = self._source.read(partition, min(most, left)) if left > 0 else None
        if raw is not None and len(raw):
            self._next[partition] = int(raw.offsets[-1]) + 1
        return raw

    def exhausted(self, partition: int) -> bool:  # noqa: ARG002 none is
        """Never: more may always come."""
        return False

    def close(self) -> None:
        """Close the source."""
        self._source.close()
