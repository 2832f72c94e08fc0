"""What must be known of an ONNX file before a library reads it: is it one, and does it reach for other files.

An ONNX file is a protobuf ``ModelProto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Only the numbers
of the few fields that lead to tensors are needed here, and tensors' own data is stepped over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
GRAPH = 7
_MODEL_FIELDS: Mapping[int, int] = MappingProxyType(
    {1: _VARINT, 2: _BYTES, 3: _BYTES, 4: _BYTES, 5: _VARINT, 6: _BYTES, 8: _BYTES, 14: _BYTES, 20: _BYTES, 25: _BYTES}
    | {GRAPH: _BYTES}
)
_LEADS_TO: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "model": {GRAPH: "graph", 20: "training", 25: "function"},
        "training": {1: "graph", 2: "graph"},
        "graph": {1: "node", 5: "tensor", 15: "sparse"},
        "function": {7: "node", 11: "attribute"},
        "node": {5: "attribute"},
        "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
        "sparse": {1: "tensor", 2: "tensor"},
        "tensor": {},
    }
)
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


class WireError(ValueError):
    """The bytes are not protobuf, or end too soon."""


def looks_like_model(content: bytes) -> bool:
    """Tell whether the top of the bytes is that of an ONNX model: its fields, and among them a graph."""
    try:
        for number, kind, _, _ in read_fields(content, 0, len(content)):
            if _MODEL_FIELDS.get(number) != kind:
                return False
            if number == GRAPH:
                return True
    except WireError as error:
        return str(error) == "graph"
    return False


def has_external_data(content: bytes) -> bool:
    """Tell whether a tensor's values are in another file. Raises ``WireError``."""
    if b"location" not in content:  # the key under which a tensor names its file, written as it is
        return False
    open_messages = [("model", 0, len(content))]
    while open_messages:
        message, start, end = open_messages.pop()
        leads_to = _LEADS_TO[message]
        for number, kind, first, last in read_fields(content, start, end):
            if message == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and first == 1)):
                return True
            if kind == _BYTES and number in leads_to:
                open_messages.append((leads_to[number], first, last))
    return False


def read_fields(content: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Give each field's number and wire type, and where its bytes begin and end (of a varint: its value, twice)."""
    place = start
    while place < end:
        tag, place = _read_varint(content, place, end)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _read_varint(content, place, end)
            yield number, kind, value, value
            continue
        if kind == _BYTES:
            size, place = _read_varint(content, place, end)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            raise WireError(f"a field of wire type {kind} at byte {place}")
        if place + size > end:
            raise WireError("graph" if number == GRAPH else f"field {number} ends after the bytes do")
        yield number, kind, place, place + size
        place += size


def _read_varint(content: bytes, place: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while place < end and shift < 70:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
        shift += 7
    raise WireError(f"a number at byte {place} does not end")
