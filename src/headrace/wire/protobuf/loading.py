"""Message types from what ``protoc`` makes: descriptor sets and compiled modules."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from headrace.errors import ConfigurationError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor


def find_message(source: bytes | ModuleType, name: str) -> Descriptor:
    """Find a message type by its full name, or by its name alone where that is clear.

    ``source`` is a descriptor set (``protoc --include_imports --descriptor_set_out``) or a compiled ``*_pb2`` module.
    Raises ``ConfigurationError`` that lists the messages that there are.
    """
    found = _read_set(source) if isinstance(source, bytes) else _list_messages([source.DESCRIPTOR])
    named = [message for message in found if name in {message.full_name, message.name}]
    exact = [message for message in named if message.full_name == name] or named
    if len(exact) == 1:
        return exact[0]
    problem = "more than one message" if exact else "no message"
    names = ", ".join(sorted(message.full_name for message in found)) or "none"
    raise ConfigurationError(f"there is {problem} {name!r}; there are: {names}")


def _read_set(data: bytes) -> list[Descriptor]:
    try:
        files = FileDescriptorSet.FromString(data).file
    except DecodeError as error:
        raise ConfigurationError(
            f"not a protobuf descriptor set (protoc --descriptor_set_out makes one): {error}"
        ) from error
    pool: Any = DescriptorPool()
    try:
        for file in files:
            pool.AddSerializedFile(file.SerializeToString())
        return _list_messages([pool.FindFileByName(file.name) for file in files])
    except (TypeError, KeyError) as error:
        message = f"the descriptor set cannot be used; make it with protoc --include_imports: {error}"
        raise ConfigurationError(message) from error


def _list_messages(files: list[Any]) -> list[Descriptor]:
    waiting = [message for file in files for message in file.message_types_by_name.values()]
    found: list[Descriptor] = []
    while waiting:
        message = waiting.pop()
        waiting.extend(message.nested_types)
        if not message.GetOptions().map_entry:
            found.append(message)
    return found
