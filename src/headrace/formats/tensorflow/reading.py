"""Bytes of unknown origin to TensorFlow's messages, and what is checked before any library sees them.

A message is binary or text protobuf. Before it is parsed its bytes are walked: parts must lie within one another, and
there may not be more of them than a model can sensibly have, since a part of two bytes becomes an object of hundreds.
"""

from __future__ import annotations

import re
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message

from headrace.errors import ModelFormatError, UnsupportedError
from headrace.formats.tensorflow.proto import graph_pb2 as pb
from headrace.protofields import BYTES, VARINT, WireError, read_fields

MAX_NODES = 1_000_000
MAX_TEXT = 64 * 2**20
_NODE, _LIBRARY = 1, 2
_GRAPH_FIELDS = {_NODE: BYTES, _LIBRARY: BYTES, 3: VARINT, 4: BYTES, 5: BYTES}
_SAVED_FIELDS = {1: VARINT, 2: BYTES}
_OP_NAME = re.compile(rb"[A-Za-z0-9_.\-/>]{1,200}")
_COMMENTS = rb"\A(?:\s|#[^\n]*\n)*"
_GRAPH_TEXT = re.compile(_COMMENTS + rb"(?:node|library|versions?)\s*[:{<]")
_SAVED_TEXT = re.compile(_COMMENTS + rb"(?:saved_model_schema_version\s*:|meta_graphs\s*[:{<])")
_TEXT_LOOKED_AT = 4096
M = TypeVar("M", bound=Message)


def looks_like_graph(content: bytes) -> bool:
    """Tell whether the top of the bytes is that of a ``GraphDef``, binary or text."""
    return bool(_GRAPH_TEXT.match(content[:_TEXT_LOOKED_AT])) or _starts_with_node(content)


def looks_like_saved_model(content: bytes) -> bool:
    """Tell whether the top of the bytes is that of a ``SavedModel``, binary or text."""
    if _SAVED_TEXT.match(content[:_TEXT_LOOKED_AT]):
        return True
    try:
        for number, kind, first, last in read_fields(content, 0, len(content)):
            if _SAVED_FIELDS.get(number) != kind:
                return False
            if number == 2:
                return next(read_fields(content, first, last), (0,))[0] in {1, 2}
    except WireError:
        return False
    return False


def read_graph(content: bytes) -> pb.GraphDef:
    """Read a graph. Raises ``ModelFormatError`` and ``UnsupportedError``."""
    return _read(content, pb.GraphDef, _GRAPH_TEXT, "TensorFlow graph", {_NODE: {}, _LIBRARY: {1: {3: {}}}})


def read_saved_model(content: bytes) -> pb.SavedModel:
    """Read a ``SavedModel`` message. Raises ``ModelFormatError`` and ``UnsupportedError``."""
    graph: _Paths = {_NODE: {}, _LIBRARY: {1: {3: {}}}}
    return _read(content, pb.SavedModel, _SAVED_TEXT, "SavedModel", {2: {2: graph}})


_Paths = dict[int, "_Paths"]


def _read(content: bytes, kind: type[M], text: re.Pattern[bytes], what: str, counted: _Paths) -> M:
    if text.match(content[:_TEXT_LOOKED_AT]):
        return _read_text(content, kind, what)
    try:
        count = _count(content, counted)
    except WireError as error:
        raise ModelFormatError(f"not a sound {what}: {error}") from error
    _refuse_count(count)
    try:
        return kind.FromString(content)
    except DecodeError as error:
        raise ModelFormatError(f"not a sound {what}: {error}") from error


def _read_text(content: bytes, kind: type[M], what: str) -> M:
    if len(content) > MAX_TEXT:
        raise UnsupportedError(f"a {what} as text may have {MAX_TEXT:,} bytes, it has {len(content):,}: save it binary")
    _refuse_count(len(re.findall(rb"\b(?:node|node_def)\s*[:{<]", content)))
    try:
        return text_format.Parse(content.decode(), kind(), allow_unknown_field=True)
    except (text_format.ParseError, UnicodeDecodeError, ValueError) as error:
        raise ModelFormatError(f"not a sound {what}: {error}") from error


def _refuse_count(count: int) -> None:
    if count > MAX_NODES:
        raise UnsupportedError(f"the model has {count:,} nodes, more than the {MAX_NODES:,} that are read")


def _count(content: bytes, counted: _Paths) -> int:
    """Count the parts along some paths of field numbers."""
    total = 0
    left = [(0, len(content), counted)]
    while left:
        start, end, paths = left.pop()
        for number, kind, first, last in read_fields(content, start, end):
            if number in paths and kind == BYTES:
                total += 1
                if total > MAX_NODES:
                    return total
                if paths[number]:
                    left.append((first, last, paths[number]))
    return total


def _starts_with_node(content: bytes) -> bool:
    try:
        for number, kind, first, last in read_fields(content, 0, len(content)):
            if _GRAPH_FIELDS.get(number) != kind:
                return False
            if number == _NODE:
                names = {
                    each: content[begin:end]
                    for each, wire, begin, end in read_fields(content, first, last)
                    if wire == BYTES
                }
                return 1 in names and bool(_OP_NAME.fullmatch(names.get(2, b"")))
    except WireError:
        return False
    return False
