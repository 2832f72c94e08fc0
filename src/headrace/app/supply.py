"""A configuration to what models come by: their stream, a loader, and a store of their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from headrace.app.settings import read_slot
from headrace.loading import LoadOptions, open_loader
from headrace.records import Command, Publish
from headrace.stores.contents import DirectoryContents, LayeredContents, MemoryContents
from headrace.transports.model_log import ModelLog, contents_of
from headrace.wire.descriptor import decode_appended_at, decode_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.app.configuration import Configuration, LoadingSection, SlotSection
    from headrace.core.settings import JoinSettings
    from headrace.loading import BackgroundLoader
    from headrace.records import SlotKey
    from headrace.stores.state import StateDirectory

    Mappings = Mapping[SlotKey, Mapping[str, tuple[str, ...]]]


class Loading(Protocol):
    """What the configuration of every engine says of loading."""

    @property
    def loading(self) -> LoadingSection:
        """What a load may use."""

    @property
    def slots(self) -> Mapping[str, SlotSection]:
        """What is different for some slots."""


def build_options(configuration: Loading, settings: JoinSettings | None = None) -> LoadOptions:
    """Give what a load may read and use."""
    section = configuration.loading
    return LoadOptions(
        max_model_bytes=section.max_model_bytes,
        locations=tuple(section.locations),
        formats=section.formats,
        format_options=section.format_options,
        exclude=() if settings is None else tuple(sorted(settings.exclude)),
        memory_bytes=section.memory_bytes,
        cpu_seconds=section.cpu_seconds,
        wall_seconds=section.wall_seconds,
    )


def build_model_log(configuration: Configuration) -> ModelLog:
    """Give the model stream. Raises ``SourceError``."""
    section = configuration.models
    decode = with_mappings(decode_command, read_mappings(configuration))
    return ModelLog(section.log, decode, decode_appended_at, follow=section.follow)


def build_loader(configuration: Loading, settings: JoinSettings) -> BackgroundLoader:
    """Start the loader."""
    in_child = configuration.loading.checker == "process"
    return open_loader(build_options(configuration, settings), in_child=in_child)


def build_contents(configuration: Configuration, state: StateDirectory | None) -> LayeredContents:
    """Give the store of model bytes: the state's own or the memory's, before the log's."""
    own = MemoryContents() if state is None else state.contents
    return LayeredContents(own, (DirectoryContents(contents_of(configuration.models.log)),))


def read_mappings(configuration: Loading) -> Mappings:
    """Read the mappings of the slots that have one."""
    return {
        read_slot(name): {
            each: (fields,) if isinstance(fields, str) else tuple(fields) for each, fields in section.mapping.items()
        }
        for name, section in configuration.slots.items()
        if section.mapping
    }


def with_mappings(decode: Callable[[bytes], Command], mappings: Mappings) -> Callable[[bytes], Command]:
    """Decode messages so that a publication without a mapping has that of its slot."""

    def decode_mapped(message: bytes) -> Command:
        command = decode(message)
        if isinstance(command, Publish) and not command.descriptor.mapping:
            mapping = mappings.get(command.descriptor.slot_key)
            return command if mapping is None else Publish(replace(command.descriptor, mapping=mapping))
        return command

    return decode_mapped
