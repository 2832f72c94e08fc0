"""How Beam writes what travels between its workers, and the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apache_beam import coders
from apache_beam.coders.typecoders import registry

from headrace.core.snapshot import decode_snapshot, encode_snapshot
from headrace.machinery.parcels import Parcel, decode_parcel, encode_parcel

if TYPE_CHECKING:
    from headrace.core.snapshot import Snapshot


class ParcelCoder(coders.Coder):
    """Writes parcels."""

    def encode(self, value: Parcel) -> bytes:
        """Write a parcel."""
        return encode_parcel(value)

    def decode(self, encoded: bytes) -> Parcel:
        """Read a parcel."""
        return decode_parcel(encoded)

    def is_deterministic(self) -> bool:
        """Promise nothing: parcels are never keys."""
        return False

    def to_type_hint(self) -> type:
        """Name the type that this writes."""
        return Parcel


class SnapshotCoder(coders.Coder):
    """Writes the state of a slot's join, in the format that later versions of Headrace read."""

    def encode(self, value: Snapshot) -> bytes:
        """Write a snapshot."""
        return encode_snapshot(value)

    def decode(self, encoded: bytes) -> Snapshot:
        """Read a snapshot. Raises ``StateError``."""
        return decode_snapshot(encoded)

    def is_deterministic(self) -> bool:
        """Promise nothing: snapshots are never keys."""
        return False


registry.register_coder(Parcel, ParcelCoder)
