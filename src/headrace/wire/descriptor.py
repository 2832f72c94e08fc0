"""Model messages: commands to bytes and back.

- A message of the book's own programs (fields 1 to 6) is a publication; its format is what ``modeltype`` says, and
  ``TENSORFLOW`` when it says nothing. Ours sets ``modeltype`` too wherever the book's programs know the format.
- ``format`` wins over ``modeltype`` when set; it is written only for a format that ``modeltype`` has no value for.
- Exactly one of ``data``, ``location`` and ``digest`` alone says where the bytes are. ``data`` and ``location`` are a
  oneof: where a message holds both, the last one counts, as in every protobuf program.
- Fields of later versions are ignored. A command or switch mode of a later version is an error: obeying half of a
  message would be worse.
- Whether the digest is that of the bytes is checked where the bytes are loaded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec
from google.protobuf.message import DecodeError

from headrace.errors import DescriptorError
from headrace.records import (
    Command,
    Descriptor,
    GoldenRecord,
    Malformed,
    Pin,
    Publish,
    Retire,
    Rollback,
    SlotKey,
    SwitchMode,
    Unpin,
)
from headrace.wire import jsontext
from headrace.wire.profile import from_messages, to_messages
from headrace.wire.proto import headrace_pb2 as pb

_FORMATS: Mapping[pb.ModelDescriptor.ModelType, str] = MappingProxyType(
    {
        pb.ModelDescriptor.TENSORFLOW: "tensorflow",
        pb.ModelDescriptor.TENSORFLOWSAVED: "savedmodel",
        pb.ModelDescriptor.PMML: "pmml",
        pb.ModelDescriptor.ONNX: "onnx",
        pb.ModelDescriptor.OTHER: "",
    }
)
_MODEL_TYPES = {name: number for number, name in _FORMATS.items()}
_SWITCH_MODES: Mapping[pb.ModelDescriptor.SwitchMode, SwitchMode | None] = MappingProxyType(
    {
        pb.ModelDescriptor.CONFIGURED: None,
        pb.ModelDescriptor.READY: SwitchMode.READY,
        pb.ModelDescriptor.ORDERED: SwitchMode.ORDERED,
        pb.ModelDescriptor.EVENT_TIME: SwitchMode.EVENT_TIME,
    }
)
_SWITCH_NUMBERS = {mode: number for number, mode in _SWITCH_MODES.items()}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DEFAULT_TOLERANCE = Descriptor("", "").golden_tolerance
_LONGEST_TIME = 2**63 - 1
_LARGEST_MODEL = 2**31 - 2**20  # protobuf itself ends at 2 GiB; the rest is for the other fields


def encode_command(command: Command, appended_at: int | None = None) -> bytes:
    """Write a command as one message of the model stream; the same command gives the same bytes.

    ``appended_at`` is in milliseconds since the epoch, for logs that keep no time of their own. Raises
    ``DescriptorError`` for a command that contradicts itself.
    """
    try:
        message = _to_message(command)
    except UnicodeEncodeError as error:
        raise DescriptorError(f"a text of the descriptor is not valid Unicode: {error}") from error
    if appended_at is not None:
        message.appended_at = _check_time("the time of the append", appended_at)
    if len(message.data) > _LARGEST_MODEL:
        raise DescriptorError(f"the model's {len(message.data)} bytes do not fit a message (2 GiB): send a location")
    return message.SerializeToString(deterministic=True)


def decode_command(data: bytes) -> Command:
    """Read one message of the model stream; never gives ``Malformed``.

    Raises ``DescriptorError`` that says what is wrong with it.
    """
    message = _parse(data)
    if not message.dataType:
        raise DescriptorError("the message names no data type (field 3, dataType), or is not a model descriptor")
    read = _READERS.get(message.command)
    if read is None:
        raise DescriptorError(f"unknown command {message.command} (field 17): a later version sent it")
    if message.digest:
        _check_digest(message.digest)
    return read(message)


def decode_appended_at(data: bytes) -> int | None:
    """Read when a message was appended, in milliseconds since the epoch; None where it does not say.

    Raises ``DescriptorError``.
    """
    message = _parse(data)
    return _check_time("the time of the append", message.appended_at) if message.HasField("appended_at") else None


def _parse(data: bytes) -> pb.ModelDescriptor:
    if not data:
        raise DescriptorError("the message is empty")
    try:
        return pb.ModelDescriptor.FromString(data)
    except DecodeError as error:
        raise DescriptorError(f"the {len(data)} bytes are not a model descriptor: {error}") from error


def _to_message(command: Command) -> pb.ModelDescriptor:
    match command:
        case Publish(descriptor):
            return _from_descriptor(descriptor)
        case Rollback(slot, digest, valid_from, publication_id):
            message = _about(slot, pb.ModelDescriptor.ROLLBACK)
            message.digest = _check_digest(digest)
            message.publication_id = publication_id
            if valid_from is not None:
                message.valid_from = _check_time("valid_from", valid_from)
            return message
        case Pin(slot):
            return _about(slot, pb.ModelDescriptor.PIN)
        case Unpin(slot):
            return _about(slot, pb.ModelDescriptor.UNPIN)
        case Retire(slot, digest):
            message = _about(slot, pb.ModelDescriptor.RETIRE)
            message.digest = _check_digest(digest) if digest else ""
            return message
        case Malformed(reason):
            raise DescriptorError(f"a message that is no command cannot be sent: {reason}")


def _about(slot: SlotKey, command: pb.ModelDescriptor.Command) -> pb.ModelDescriptor:
    if not slot.data_type:
        raise DescriptorError("the command names no data type")
    return pb.ModelDescriptor(dataType=slot.data_type, slot=slot.name, command=command)


def _from_descriptor(descriptor: Descriptor) -> pb.ModelDescriptor:
    message = _about(descriptor.slot_key, pb.ModelDescriptor.PUBLISH)
    message.name = descriptor.name
    message.description = descriptor.description
    message.modeltype = _MODEL_TYPES.get(descriptor.model_type, pb.ModelDescriptor.OTHER)
    if descriptor.model_type not in _MODEL_TYPES:
        message.format = descriptor.model_type
    _write_content(descriptor, message)
    message.version = descriptor.version
    message.publication_id = descriptor.publication_id
    message.switch_mode = _SWITCH_NUMBERS[descriptor.switch]
    if descriptor.valid_from is not None:
        message.valid_from = _check_time("valid_from", descriptor.valid_from)
    for index, golden in enumerate(descriptor.golden):
        inputs, outputs = _write_golden(index, golden.inputs), _write_golden(index, golden.outputs)
        message.golden.append(pb.GoldenRecord(inputs=inputs, outputs=outputs))
    if descriptor.golden_tolerance != _DEFAULT_TOLERANCE:
        message.golden_tolerance = _check_tolerance(descriptor.golden_tolerance)
    for name, fields in descriptor.mapping.items():
        message.mapping.append(pb.InputMapping(input=name, fields=_check_mapping(name, fields)))
    message.replaces_signature = descriptor.replaces_signature
    message.options.update(descriptor.options)
    message.profile.extend(to_messages(descriptor.profile))
    return message


def _write_content(descriptor: Descriptor, message: pb.ModelDescriptor) -> None:
    if descriptor.content is not None and descriptor.location:
        raise DescriptorError("a model comes as bytes or from a location, and the descriptor gives both")
    if descriptor.content is not None:
        if not descriptor.content:
            raise DescriptorError("the model has no bytes")
        message.data = descriptor.content
    elif descriptor.location:
        message.location = descriptor.location
    elif not descriptor.digest:
        raise DescriptorError("the descriptor gives neither bytes nor a location nor a digest of bytes that are stored")
    if descriptor.digest:
        message.digest = _check_digest(descriptor.digest)


def _to_descriptor(message: pb.ModelDescriptor) -> Descriptor:
    content = message.WhichOneof("MessageContent")
    if content is None and not message.digest:
        raise DescriptorError(
            "the message holds neither bytes (data) nor a location nor a digest of bytes that are stored"
        )
    if content is not None and not getattr(message, content):
        raise DescriptorError(f"the message's {content} is empty")
    if message.switch_mode not in _SWITCH_MODES:
        raise DescriptorError(f"unknown switch mode {message.switch_mode} (field 22): a later version sent it")
    return Descriptor(
        name=message.name,
        data_type=message.dataType,
        description=message.description,
        model_type=_read_format(message),
        content=message.data if content == "data" else None,
        location=message.location,
        digest=message.digest,
        slot=message.slot,
        version=message.version,
        publication_id=message.publication_id,
        switch=_SWITCH_MODES[message.switch_mode],
        valid_from=_read_valid_from(message),
        golden=tuple(_read_golden(index, golden) for index, golden in enumerate(message.golden)),
        golden_tolerance=_read_tolerance(message),
        mapping=_read_mapping(message.mapping),
        replaces_signature=message.replaces_signature,
        options=dict(message.options),
        profile=from_messages(message.profile),
    )


def _to_rollback(message: pb.ModelDescriptor) -> Rollback:
    if not message.digest:
        raise DescriptorError(
            "a rollback names the version to return to by its digest (field 21), and this one has none"
        )
    return Rollback(_slot(message), message.digest, _read_valid_from(message), message.publication_id)


def _slot(message: pb.ModelDescriptor) -> SlotKey:
    return SlotKey(message.dataType, message.slot)


_READERS: Mapping[int, Callable[[pb.ModelDescriptor], Command]] = MappingProxyType(
    {
        pb.ModelDescriptor.PUBLISH: lambda message: Publish(_to_descriptor(message)),
        pb.ModelDescriptor.ROLLBACK: _to_rollback,
        pb.ModelDescriptor.PIN: lambda message: Pin(_slot(message)),
        pb.ModelDescriptor.UNPIN: lambda message: Unpin(_slot(message)),
        pb.ModelDescriptor.RETIRE: lambda message: Retire(_slot(message), message.digest),
    }
)


def _read_format(message: pb.ModelDescriptor) -> str:
    if message.format:
        return message.format
    if message.modeltype not in _FORMATS:
        raise DescriptorError(f"unknown model type {message.modeltype} (field 4) and no format's name (field 16)")
    return _FORMATS[message.modeltype]


def _read_valid_from(message: pb.ModelDescriptor) -> int | None:
    return _check_time("valid_from", message.valid_from) if message.HasField("valid_from") else None


def _read_tolerance(message: pb.ModelDescriptor) -> float:
    return _check_tolerance(message.golden_tolerance) if message.HasField("golden_tolerance") else _DEFAULT_TOLERANCE


def _read_golden(index: int, golden: pb.GoldenRecord) -> GoldenRecord:
    return GoldenRecord(_read_object(index, "inputs", golden.inputs), _read_object(index, "outputs", golden.outputs))


def _read_object(index: int, part: str, text: str) -> dict[str, object]:
    try:
        members = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError) as error:
        raise DescriptorError(f"the {part} of golden record {index} are not a JSON object: {error}") from error
    return {name: jsontext.restore_floats(value) for name, value in members.items()}


def _write_golden(index: int, values: Mapping[str, object]) -> str:
    for name, value in values.items():
        if _names_float(value):
            raise DescriptorError(f"golden record {index}: the text {value!r} of {name!r} would be read as a number")
        if isinstance(value, (bytes, bytearray)):
            raise DescriptorError(f"golden record {index}: {name!r} holds bytes; numbers, texts and lists can be sent")
    try:
        return jsontext.write(values)
    except TypeError as error:
        raise DescriptorError(f"golden record {index}: {error}; numbers, texts and lists can be sent") from error


def _names_float(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_names_float(member) for member in value)
    return isinstance(value, str) and value in jsontext.NOT_FINITE


def _read_mapping(mappings: Iterable[pb.InputMapping]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for mapping in mappings:
        if mapping.input in found:
            raise DescriptorError(f"the mapping names the model's input {mapping.input!r} twice")
        found[mapping.input] = _check_mapping(mapping.input, tuple(mapping.fields))
    return found


def _check_mapping(name: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    if not name or not fields or not all(fields):
        raise DescriptorError(f"the mapping of the model's input {name!r} to {list(fields)} leaves a name empty")
    return fields


def _check_digest(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise DescriptorError(f"the digest {digest[:80]!r} is not a SHA-256 of 64 lower-case hexadecimal digits")
    return digest


def _check_time(what: str, milliseconds: int) -> int:
    if not 0 <= milliseconds <= _LONGEST_TIME:
        raise DescriptorError(f"{what} is {milliseconds}, not milliseconds since 1970")
    return milliseconds


def _check_tolerance(tolerance: float) -> float:
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise DescriptorError(f"the golden tolerance is {tolerance}, not a number of 0 or more")
    return tolerance
