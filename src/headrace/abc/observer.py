"""What wants to know what an engine does, without a say in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Observer(Protocol):
    """Called by the engine's thread, between batches: it must be quick and must not raise.

    ``events`` and ``outcome`` are the core's values: ``headrace.core.events.Event``, ``headrace.core.join.Outcome``.
    """

    def happened(self, events: Sequence[object]) -> None:
        """Learn of changes of models and of commands, in their order."""

    def advanced(self, outcome: object) -> None:
        """Learn of results, dead letters and skipped records that have been written."""

    def committed(self) -> None:
        """Learn that all that was told before is durable."""
