"""What a run came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.core.statistics import Counts


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts since the state began, and the rows that still waited when the run ended."""

    counts: Counts
    waiting: int
    drained: bool
