"""The frozen values that flow: model messages, batches of records, results.

Times are milliseconds since the epoch (UTC) as ``int``, durations are nanoseconds, digests are lower-case hexadecimal
SHA-256. Rows are counted from 0 within their batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Int64Array = npt.NDArray[np.int64]


class SwitchMode(StrEnum):
    """When an accepted publication starts to serve."""

    READY = "ready"
    ORDERED = "ordered"
    EVENT_TIME = "event-time"


class NoModelPolicy(StrEnum):
    """What happens to a record whose slot has no model."""

    SKIP = "skip"
    HOLD = "hold"
    DEAD_LETTER = "dead-letter"


@dataclass(frozen=True, slots=True, order=True)
class SlotKey:
    """One place for a serving model: the data type of its records and the slot's name ("" by default)."""

    data_type: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.data_type}/{self.name}" if self.name else self.data_type


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Which model scored: what every result names."""

    name: str
    version: str
    digest: str
    position: int


@dataclass(frozen=True, slots=True)
class Field:
    """One input or output of a model.

    ``type`` is an Arrow type alias ("double", "float", "int64", "bool", "string", "date32", "timestamp[ms]").
    ``shape`` is the shape of one record's value: () for a scalar, (11,) for a vector of eleven; -1 is any size.
    ``required`` is False for an input that may be absent from the records.
    """

    name: str
    type: str
    shape: tuple[int, ...] = ()
    required: bool = True


@dataclass(frozen=True, slots=True)
class Signature:
    """A model's inputs and outputs, in the model's own order."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class GoldenRecord:
    """Inputs by the record's field names, and the outputs that the training library gave for them."""

    inputs: Mapping[str, object]
    outputs: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FieldProfile:
    """How the values of one field of the training data, or of one output for it, are distributed.

    Either ``edges`` of numbers, rising, or ``values`` of texts. ``counts`` by bin: with n edges those below the first,
    from each to below the next, and from the last on; with n values those of each, and of all others. The last count is
    of missing values. So there are n + 2.
    """

    name: str
    output: bool = False
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return len(self.edges or self.values) + 2


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A publication: one model offered to one slot.

    Exactly one of ``content``, ``location`` and ``digest`` alone says where the bytes are (a digest alone names bytes
    that the model store holds already); a digest beside the others is checked.
    ``model_type`` names a format of the catalog; "" has it found by looking at the bytes.
    ``mapping`` ties a model's input (key) to the record's field or fields (value) where the names differ.
    ``options`` is what the publication asks of the format beyond the bytes: which of several signatures it means, say.
    ``valid_from`` is in milliseconds since the epoch; None means from the moment of the append.
    ``profile`` is what drift is measured against; without one nothing is measured.
    """

    name: str
    data_type: str
    description: str = ""
    model_type: str = ""
    content: bytes | None = None
    location: str = ""
    digest: str = ""
    slot: str = ""
    version: str = ""
    publication_id: str = ""
    switch: SwitchMode | None = None
    valid_from: int | None = None
    golden: tuple[GoldenRecord, ...] = ()
    golden_tolerance: float = 1e-6
    mapping: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    replaces_signature: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    profile: tuple[FieldProfile, ...] = ()

    @property
    def slot_key(self) -> SlotKey:
        """The slot that the publication addresses."""
        return SlotKey(self.data_type, self.slot)


@dataclass(frozen=True, slots=True)
class Publish:
    """Offer a model to a slot."""

    descriptor: Descriptor


@dataclass(frozen=True, slots=True)
class Rollback:
    """Offer a retained version again, named by the digest of its bytes."""

    slot: SlotKey
    digest: str
    valid_from: int | None = None
    publication_id: str = ""


@dataclass(frozen=True, slots=True)
class Pin:
    """Keep the slot's serving model: later candidates are staged and do not serve."""

    slot: SlotKey


@dataclass(frozen=True, slots=True)
class Unpin:
    """End a pin: the newest staged candidate serves."""

    slot: SlotKey


@dataclass(frozen=True, slots=True)
class Retire:
    """End the slot's service (no digest), or forget one retained version so that nobody rolls back to it."""

    slot: SlotKey
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message of the model stream that is no command: kept so that it is counted and shown."""

    reason: str


Command = Publish | Rollback | Pin | Unpin | Retire | Malformed


@dataclass(frozen=True, slots=True)
class ModelMessage:
    """One message of the model stream: its place there, when it was appended, what it commands."""

    position: int
    appended_at: int
    command: Command


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """A batch as a source yields it, in the order of its partition.

    ``offsets`` rise strictly. Either ``values`` holds each record's bytes (Arrow binary, one a row), or ``table`` the
    records as columns already (Parquet, Arrow and Python objects). Beside a ``table``, ``values`` are null but for the
    records that fit no column: their text, on rows of nulls that must fail. ``keys`` are binary or None,
    ``timestamps`` the source's own time of each record or None.
    """

    source: str
    partition: int
    offsets: Int64Array
    values: pa.Array | None = None
    table: pa.RecordBatch | None = None
    keys: pa.Array | None = None
    timestamps: Int64Array | None = None

    def __len__(self) -> int:
        return len(self.offsets)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The rows of a batch that are of one data type, as columns. ``rows`` are the batch's row numbers, rising."""

    data_type: str
    rows: Int64Array
    columns: pa.RecordBatch


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one row is a dead letter: a short stable code and a sentence that names what, where and what to do."""

    row: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A decoded batch: every row of ``raw`` is in exactly one group or is a failure.

    ``ids`` are the records' ids (Arrow string) or None for source, partition and offset; ``times`` are the event
    times, or None where the records have none.
    """

    raw: Raw
    groups: tuple[Group, ...]
    failures: tuple[Failure, ...] = ()
    ids: pa.Array | None = None
    times: Int64Array | None = None

    def __len__(self) -> int:
        return len(self.raw)


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Scored rows of one slot, in the order of their records.

    ``rows`` are row numbers in ``batch``; ``versions[version_of[i]]`` scored row i; ``score_ns[i]`` is the time of the
    row's segment divided by the segment's rows; ``scored_at`` is one moment for all. ``samples`` is the core's: what is
    to be counted of the rows by a profile, for each version, None for one without; empty where no version has one.
    """

    batch: Batch
    slot: SlotKey
    rows: Int64Array
    outputs: pa.RecordBatch
    versions: tuple[ModelVersion, ...]
    version_of: Int64Array
    score_ns: Int64Array
    scored_at: int
    samples: tuple[object, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class DeadLetters:
    """Rows that could not be scored, each with its reason. ``slot`` is None where the record addressed none."""

    batch: Batch
    slot: SlotKey | None
    failures: tuple[Failure, ...]
    version: ModelVersion | None = None

    def __len__(self) -> int:
        return len(self.failures)
