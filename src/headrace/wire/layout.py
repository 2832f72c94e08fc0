"""What a stream's records say about themselves, whatever their encoding.

The data type ties a record to its models. It is the text of a field (``ByField``), the branch of the record's ``oneof``
or union (``ByBranch``), the same for all (``Constant``), or that of the source's topic (``ByTopic``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from headrace.abc.codec import Role, with_role
from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

TimeUnit = Literal["s", "ms", "us", "ns"]


@dataclass(frozen=True, slots=True)
class ByField:
    """The data type is the text of this field."""

    name: str


@dataclass(frozen=True, slots=True)
class ByBranch:
    """The data type is the name of the branch that is set: a field of the ``oneof``, or the record's name in a union.

    What the branch holds is the record. ``oneof`` may be empty where the message has only one.
    """

    oneof: str = ""


@dataclass(frozen=True, slots=True)
class Constant:
    """All records are of this data type."""

    data_type: str


@dataclass(frozen=True, slots=True)
class ByTopic:
    """The data type is that of the record's source: ``names`` gives it, or it is the source's own name."""

    names: Mapping[str, str] = field(default_factory=dict)


DataTypeRule = ByField | ByBranch | Constant | ByTopic


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a record's data type, id, key and event time are, and what it must hold.

    ``declared`` lists the data types that may occur; empty allows any. ``required`` names fields that every record
    must have, ``required_by_type`` further ones by data type. The fields for id, key and time may be nested
    ("meta.id"); "" has none: then the id is made of source, partition and offset, and key and time are the source's
    own. Times are text (ISO 8601, UTC where no zone is given), timestamps, or numbers since the epoch in
    ``time_unit``.

    Raises ``ConfigurationError`` for a layout that contradicts itself.
    """

    data_type: DataTypeRule
    declared: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    required_by_type: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    id_field: str = ""
    key_field: str = ""
    time_field: str = ""
    time_unit: TimeUnit = "ms"

    def __post_init__(self) -> None:
        if self.time_unit not in get_args(TimeUnit):
            raise ConfigurationError(
                f"unknown time unit {self.time_unit!r}; there are: {', '.join(get_args(TimeUnit))}"
            )
        if isinstance(self.data_type, ByField) and not self.data_type.name:
            raise ConfigurationError("the field that holds the data type has no name")
        if isinstance(self.data_type, Constant) and not self.data_type.data_type:
            raise ConfigurationError("the data type of all records is empty")
        named = {self.data_type.data_type} if isinstance(self.data_type, Constant) else set()
        unknown = sorted((named | set(self.required_by_type)) - set(self.declared)) if self.declared else []
        if unknown:
            raise ConfigurationError(
                f"data type {unknown[0]!r} is used and not declared; declared are: {', '.join(self.declared)}"
            )

    def required_of(self, data_type: str) -> tuple[str, ...]:
        """List the fields that a record of a data type must have."""
        return (*self.required, *self.required_by_type.get(data_type, ()))

    def named_fields(self) -> tuple[str, ...]:
        """List the fields that tell about the record, each once."""
        data_type = self.data_type.name if isinstance(self.data_type, ByField) else ""
        names = (data_type, self.id_field, self.key_field, self.time_field)
        return tuple(dict.fromkeys(name for name in names if name))

    def refuse_branches(self, codec: str) -> None:
        """Check that the data type is not to be a branch, for encodings without branches.

        Raises ``ConfigurationError``.
        """
        if isinstance(self.data_type, ByBranch):
            raise ConfigurationError(f"{codec} records have no branches: take the data type from a field or the topic")

    def annotate(self, schema: pa.Schema) -> pa.Schema:
        """Give the fields that tell about the record their roles."""
        roles = {self.id_field: Role.ID, self.key_field: Role.KEY, self.time_field: Role.TIME}
        if isinstance(self.data_type, ByField):
            roles[self.data_type.name] = Role.DATA_TYPE
        for index, column in enumerate(schema):
            if column.name and column.name in roles:
                schema = schema.set(index, with_role(column, roles[column.name]))
        return schema
