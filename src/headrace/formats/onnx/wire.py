"""What must be known of an ONNX file before a library reads it: is it one, and does it reach for other files.

An ONNX file is a protobuf ``ModelProto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Only the numbers
of the few fields that lead to tensors are needed here, and tensors' own data is stepped over.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from headrace.protofields import BYTES, VARINT, WireError, read_fields

GRAPH = 7
_MODEL_FIELDS: Mapping[int, int] = MappingProxyType(
    {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 8: BYTES, 14: BYTES, 20: BYTES, 25: BYTES}
    | {GRAPH: BYTES}
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


def looks_like_model(content: bytes) -> bool:
    """Tell whether the top of the bytes is that of an ONNX model: its fields, and among them a graph."""
    try:
        for number, kind, _, _ in read_fields(content, 0, len(content)):
            if _MODEL_FIELDS.get(number) != kind:
                return False
            if number == GRAPH:
                return True
    except WireError as error:
        return error.number == GRAPH
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
            if kind == BYTES and number in leads_to:
                open_messages.append((leads_to[number], first, last))
    return False
