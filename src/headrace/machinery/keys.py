"""By what a runner divides the work: data type and slot.

Rules:

1. A key is a data type and a slot. A data type whose slots are declared has a key for each of them, and records go to
   all of them; slots that are not declared live with the first one. A data type without declared slots has one key.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.records import SlotKey

if TYPE_CHECKING:
    from headrace.core.settings import JoinSettings

Key = tuple[str, str]


class Keys:
    """Which keys a data type has. Slots that are declared have keys of their own."""

    def __init__(self, settings: JoinSettings) -> None:
        self._declared: dict[str, list[Key]] = {}
        for slot in sorted(settings.slots):
            self._declared.setdefault(slot.data_type, []).append((slot.data_type, slot.name))

    def of_type(self, data_type: str) -> list[Key]:
        """Give the keys that a data type's records go to."""
        return self._declared.get(data_type) or [(data_type, "")]

    def of_slot(self, slot: SlotKey) -> Key:
        """Give the key that holds a slot."""
        keys = self.of_type(slot.data_type)
        return (slot.data_type, slot.name) if (slot.data_type, slot.name) in keys else keys[0]


def settings_of(settings: JoinSettings, keys: Keys, key: Key) -> JoinSettings:
    """Give the settings of one key: those of the slots that it holds."""
    return replace(settings, slots={slot: own for slot, own in settings.slots.items() if keys.of_slot(slot) == key})
