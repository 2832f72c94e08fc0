"""What an engine tells the join before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from headrace.records import NoModelPolicy, SwitchMode

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.records import SlotKey


class OrderedBy(StrEnum):
    """What merges records and models under ``ordered``.

    ``timestamp``: both logs carry times, models before records at the same time. ``arrival``: the order in which the
    engine hands them over, committed with the results that depend on it.
    """

    TIMESTAMP = "timestamp"
    ARRIVAL = "arrival"


@dataclass(frozen=True, slots=True)
class SlotSettings:
    """What the configuration says of one slot; None leaves it to the descriptor or the default."""

    switch: SwitchMode | None = None
    no_model: NoModelPolicy | None = None


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """How the join switches, what it does without a model, and how much it keeps.

    ``switch`` holds for slots whose own settings and whose first publication name no mode. Records wait for a slot that
    has not come yet only where the settings say that it goes by time: a publication can ask for that as well, but what
    came before it has left. ``slots`` are declared: they are addressed from the start. ``retain`` is how many different
    models offered to a slot a roll back may name. ``lateness`` is in milliseconds of record time. ``queue_records`` is
    how many rows of a partition may wait before the partition pauses. ``schemas`` are the record schemas known in
    advance; ``exclude`` names fields that are no features, such as the id.
    """

    switch: SwitchMode = SwitchMode.READY
    no_model: NoModelPolicy = NoModelPolicy.SKIP
    ordered_by: OrderedBy = OrderedBy.TIMESTAMP
    slots: Mapping[SlotKey, SlotSettings] = field(default_factory=dict)
    retain: int = 10
    lateness: int = 60_000
    queue_records: int = 10_000
    schemas: Mapping[str, pa.Schema] = field(default_factory=dict)
    exclude: frozenset[str] = frozenset()

    def policy(self, slot: SlotKey) -> NoModelPolicy:
        """Give the policy of a slot for records without a model."""
        own = self.slots.get(slot)
        return self.no_model if own is None or own.no_model is None else own.no_model

    def mode(self, slot: SlotKey, asked: SwitchMode | None) -> SwitchMode:
        """Give the switch mode of a slot whose first publication asks for ``asked``."""
        own = self.slots.get(slot)
        if own is not None and own.switch is not None:
            return own.switch
        return asked or self.switch
