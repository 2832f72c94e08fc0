"""What a codec of records must offer: batches of bytes, or of columns, to batches of typed columns.

A field of a schema may carry a role in its metadata: it says what the record is, rather than being an input by default.
A model that takes "the numeric fields in their order" leaves such fields out; a mapping may still name them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.records import Batch, Raw

_ROLE = b"headrace.role"


class Role(StrEnum):
    """What a field tells about its record."""

    DATA_TYPE = "data-type"
    ID = "id"
    KEY = "key"
    TIME = "time"


def role_of(field: pa.Field) -> Role | None:
    """Tell a field's role, or None for an ordinary one."""
    name = (field.metadata or {}).get(_ROLE)
    return Role(name.decode()) if name else None


def with_role(field: pa.Field, role: Role) -> pa.Field:
    """Give a field a role; its other metadata stays."""
    return field.with_metadata({**(field.metadata or {}), _ROLE: role.value.encode()})


class Codec(Protocol):
    """One way to read records. A codec keeps no state between calls, so one may decode from several threads."""

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch; every row ends in one group or as one failure.

        Never raises for what a record holds: that is the row's failure, and its neighbours are decoded.
        """

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the columns of a data type's records; None where they are known only from the records themselves."""
