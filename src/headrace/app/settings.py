"""A configuration to what the join is told: modes, policies, slots and the schemas that are known beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from headrace.core.settings import JoinSettings, SlotSettings
from headrace.records import SlotKey
from headrace.wire.layout import ByTopic, Constant

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.abc.codec import Codec
    from headrace.app.configuration import SlotSection, SwitchSection
    from headrace.wire.layout import Layout


class Switching(Protocol):
    """What the configuration of every engine says of switching."""

    @property
    def switch(self) -> SwitchSection:
        """When models switch."""

    @property
    def slots(self) -> Mapping[str, SlotSection]:
        """What is different for some slots."""


class Named(Protocol):
    """A section with a stream's name."""

    @property
    def stream(self) -> str:
        """The stream's name, as results carry it."""


class Described(Protocol):
    """A stream of records, as far as the join has to know of it."""

    @property
    def section(self) -> Named:
        """Its section of the configuration."""

    @property
    def layout(self) -> Layout:
        """Where a record's data type, id, key and time are."""

    @property
    def codec(self) -> Codec:
        """What reads it."""


def build_settings(configuration: Switching, streams: Iterable[Described]) -> JoinSettings:
    """Give the join's settings; ``streams`` are what was built of the configuration."""
    switch = configuration.switch
    slots = {read_slot(name): SlotSettings(each.mode, each.no_model) for name, each in configuration.slots.items()}
    streams = list(streams)
    return JoinSettings(
        switch=switch.mode,
        no_model=switch.no_model,
        ordered_by=switch.ordered_by,
        slots=slots,
        retain=switch.retain,
        lateness=switch.lateness_ms,
        queue_records=switch.queue_records,
        schemas=_find_schemas(streams, {slot.data_type for slot in slots}),
        exclude=frozenset(name for stream in streams for name in stream.layout.named_fields()),
    )


def read_slot(name: str) -> SlotKey:
    """Read a slot as it is written: the data type, and after a slash the slot's name where it has one."""
    data_type, _, slot = name.partition("/")
    return SlotKey(data_type, slot)


def list_data_types(stream: Described) -> tuple[str, ...]:
    """List the data types that a stream is known to bring."""
    rule = stream.layout.data_type
    if isinstance(rule, Constant):
        return (rule.data_type,)
    if isinstance(rule, ByTopic):
        return (rule.names.get(stream.section.stream, stream.section.stream),)
    return stream.layout.declared


def _find_schemas(streams: list[Described], slots: set[str]) -> Mapping[str, pa.Schema]:
    """Find the schemas that are known; a data type that two streams bring in different shapes has none."""
    found: dict[str, pa.Schema | None] = {}
    for stream in streams:
        for data_type in {*list_data_types(stream), *(slots if not list_data_types(stream) else ())}:
            schema = stream.codec.schema(data_type)
            if data_type in found and found[data_type] != schema:
                schema = None
            found[data_type] = schema
    return {data_type: schema for data_type, schema in found.items() if schema is not None}
