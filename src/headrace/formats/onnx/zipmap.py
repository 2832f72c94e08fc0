"""Probabilities as the tensor that they are computed as, instead of a dictionary for each record.

A classifier that ends in ``ZipMap`` (https://onnx.ai/onnx/operators/onnx_aionnxml_ZipMap.html) turns each row of a
tensor into a dictionary by class. Making these takes longer than scoring. They become columns here, so the node is
taken out of the graph when the model is loaded, its input put out in its place, and its classes are kept.

Only a node whose input is computed by the graph and whose output nobody but the caller sees is taken out; any other
works as it is. The file is protobuf, in which an unknown field is kept as it stands: all else is copied byte by byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.formats.onnx.wire import GRAPH
from headrace.protofields import BYTES, VARINT, read_fields, write_varint

_NODE, _INPUT, _OUTPUT = 1, 11, 12  # of a graph
_TAKES, _GIVES, _OPERATOR, _ATTRIBUTE, _DOMAIN = 1, 2, 4, 5, 7  # of a node
_INTEGERS, _TEXTS = 8, 9  # of an attribute
_NAME = 1
_FLOAT_TENSOR = bytes((2 << 3 | 2, 4, 1 << 3 | 2, 2, 1 << 3, 1))  # ValueInfoProto.type.tensor_type.elem_type = FLOAT

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Table:
    """A tensor with a column for each class: ``output`` is the name of the dictionaries that it was to be."""

    output: str
    tensor: str
    keys: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Node:
    span: Span
    takes: tuple[bytes, ...]
    gives: tuple[bytes, ...]
    operator: tuple[bytes, ...]
    attributes: tuple[Span, ...]


def unzip(content: bytes) -> tuple[bytes, tuple[Table, ...]]:
    """Take the ``ZipMap`` nodes out of a model; gives its bytes and what was taken out. Raises ``WireError``."""
    graphs = [field for field in _read(content, (0, len(content))) if field[0] == GRAPH]
    if b"ZipMap" not in content or len(graphs) != 1:
        return content, ()
    _, whole, graph = graphs[0]
    fields = _read(content, graph)
    nodes = [_read_node(content, whole_, span) for number, whole_, span in fields if number == _NODE]
    outputs = {_text(content, span, _NAME): whole_ for number, whole_, span in fields if number == _OUTPUT}
    taken = {_text(content, span, _NAME) for number, _, span in fields if number == _INPUT}
    computed = {name for node in nodes for name in node.gives} - set(outputs) - taken
    read = [name for node in nodes for name in node.takes]
    tables: list[Table] = []
    changes: dict[Span, bytes] = {}
    for node in nodes:
        keys = _read_keys(content, node)
        if not keys or len(node.takes) != 1 or len(node.gives) != 1:
            continue
        tensor, output = node.takes[0], node.gives[0]
        if tensor in computed and output in outputs and output not in read:
            computed.remove(tensor)
            tables.append(Table(output.decode(), tensor.decode(), keys))
            changes[node.span] = b""
            changes[outputs[output]] = _write(_OUTPUT, _write(_NAME, tensor) + _FLOAT_TENSOR)
    if not tables:
        return content, ()
    inner = b"".join(changes.get(span, content[slice(*span)]) for _, span, _ in fields)
    return content[: whole[0]] + _write(GRAPH, inner) + content[whole[1] :], tuple(tables)


def _read(content: bytes, span: Span) -> list[tuple[int, Span, Span]]:
    """Give each field's number, the span of the whole of it, and that of what it holds."""
    found = []
    start = span[0]
    for number, kind, first, last in read_fields(content, *span):
        end = last if kind != VARINT else _skip_varint(content, _skip_varint(content, start))
        found.append((number, (start, end), (first, last)))
        start = end
    return found


def _skip_varint(content: bytes, place: int) -> int:
    while content[place] & 0x80:
        place += 1
    return place + 1


def _read_node(content: bytes, whole: Span, span: Span) -> _Node:
    fields = _read(content, span)
    texts = {
        number: tuple(content[slice(*inner)] for each, _, inner in fields if each == number)
        for number in (_TAKES, _GIVES, _DOMAIN, _OPERATOR)
    }
    attributes = tuple(inner for number, _, inner in fields if number == _ATTRIBUTE)
    return _Node(whole, texts[_TAKES], texts[_GIVES], texts[_DOMAIN] + texts[_OPERATOR], attributes)


def _read_keys(content: bytes, node: _Node) -> tuple[object, ...]:
    """Read the classes of a ``ZipMap``; of another node, none."""
    if node.operator != (b"ai.onnx.ml", b"ZipMap"):
        return ()
    keys: list[object] = []
    for attribute in node.attributes:
        for number, kind, first, last in read_fields(content, *attribute):
            if number == _TEXTS:
                keys.append(content[first:last].decode(errors="replace"))
            elif number == _INTEGERS:
                keys += [_sign(first)] if kind == VARINT else _read_packed(content[first:last])
    return tuple(keys)


def _read_packed(content: bytes) -> Sequence[int]:
    values, place = [], 0
    while place < len(content):
        end = _skip_varint(content, place)
        values.append(_sign(sum((byte & 0x7F) << 7 * index for index, byte in enumerate(content[place:end]))))
        place = end
    return values


def _sign(value: int) -> int:
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def _text(content: bytes, span: Span, number: int) -> bytes:
    found = b""
    for each, _, first, last in read_fields(content, *span):
        found = content[first:last] if each == number else found
    return found


def _write(number: int, content: bytes) -> bytes:
    """Write a field that holds bytes."""
    return write_varint(number << 3 | BYTES) + write_varint(len(content)) + content
