"""What a group of instances has done together, as of what all of them have committed.

An instance tells of its own partitions alone. Who reads what every instance has committed can tell of the whole group,
whoever is gone by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headrace.core.tally import Tally

if TYPE_CHECKING:
    from headrace.core.partition import PartitionKey


@dataclass(frozen=True, slots=True)
class Member:
    """One instance. ``seen`` is when it was last there, in milliseconds since the epoch; ``gone``: it is not now."""

    name: str
    host: str
    partitions: tuple[PartitionKey, ...]
    seen: int
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A group at one moment: a value that nobody changes.

    ``done`` is the offset up to which each partition is done. ``trouble`` tells what keeps the reader from learning
    more, "" for nothing.
    """

    at: int = 0
    tally: Tally = field(default_factory=Tally)
    done: Mapping[PartitionKey, int] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    trouble: str = ""
