"""The messages of a state topic, taken in commit by commit: counts and model versions of one commit appear together.

Rules:

1. The first message of a partition's commit tells how far it has come. So what came before it is whole, and so is what
   is there at the end of the topic.
2. What has been taken in is never half a commit, except before the end was seen for the first time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from headrace.core.tally import Tally, merge_tallies
from headrace.engines.kafka.changelog import PROGRESS, Kept, apply_change
from headrace.errors import StateError

if TYPE_CHECKING:
    from headrace.core.partition import PartitionKey


@dataclass(slots=True)
class Commits:
    """What all partitions have come to.

    ``heard`` counts messages; ``changed``: something was taken in since the last ``add_up``.
    """

    heard: int = 0
    changed: bool = True
    _kept: dict[PartitionKey, Kept] = field(default_factory=dict)
    _coming: dict[PartitionKey, list[tuple[bytes, bytes]]] = field(default_factory=dict)

    def hear(self, key: bytes, value: bytes) -> None:
        """Hear one message. Raises ``StateError`` for one that is none of a state topic."""
        try:
            kind, source, partition, *_ = msgspec.json.decode(key, type=list[Any])
            place: PartitionKey = (str(source), int(partition))
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            message = f"a message of the state topic, key {key[:80]!r}, is none that an engine wrote: {error}"
            raise StateError(message) from error
        self.heard += 1
        if kind == PROGRESS:
            self._take_in(place)
        self._coming.setdefault(place, []).append((key, value))

    def reach_end(self, number: int) -> None:
        """Learn that the end of a partition of the topic is reached: what came is whole."""
        for place in [each for each in self._coming if each[1] == number]:
            self._take_in(place)

    def _take_in(self, place: PartitionKey) -> None:
        self._kept.setdefault(place, Kept())
        for key, value in self._coming.pop(place, ()):
            apply_change(self._kept, key, value)
            self.changed = True

    def add_up(self) -> Tally:
        """Add up all partitions, into a tally that shares nothing with what is to come."""
        self.changed = False
        return merge_tallies([each.tally for each in self._kept.values()])

    def done(self) -> dict[PartitionKey, int]:
        """Give the offset up to which each partition is done."""
        return {place: self._kept[place].progress.done for place in sorted(self._kept)}
