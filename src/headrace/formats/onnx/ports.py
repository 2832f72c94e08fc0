"""The inputs and outputs of an ONNX graph, as fields of a signature.

Inputs: a tensor of one dimension, or whose other dimensions are 1, is a scalar for each record; with more it is a
vector. The only input of a model stays a vector even where it has one element, so that it finds its field as vectors
do. A dimension that is not fixed is -1. The first dimension is that of the records, also where it is fixed.

Outputs: a tensor with one value a record is a column; with several it is one fixed-size list column (a list column
where the graph does not fix how many). The maps that ``ZipMap`` gives become a column for each class, ``name.class``:
the form is "table" where its tensor is read in its place, "maps" where the dictionaries are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace.errors import UnsupportedError
from headrace.formats.onnx.zipmap import Table
from headrace.packing import find_dtype
from headrace.records import Field, Signature

if TYPE_CHECKING:
    import numpy as np

_ELEMENTS: Mapping[str, str] = MappingProxyType(
    {name: name for name in ("float", "double", "float16", "bool", "string")}
    | {f"{sign}int{size}": f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64)}
)
_TENSOR = re.compile(r"tensor\((\w+)\)")
_MAPS = re.compile(r"seq\(map\((int64|string),tensor\((\w+)\)\)\)")
_TENSORS = re.compile(r"seq\(tensor\((\w+)\)\)")


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that the graph takes. ``tail`` are its dimensions after the records'."""

    field: Field
    tail: tuple[int, ...]

    @property
    def kind(self) -> pa.DataType:
        """The Arrow type of an element."""
        return pa.type_for_alias(self.field.type)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type of an element."""
        return find_dtype(self.kind)


@dataclass(frozen=True, slots=True)
class Output:
    """What the graph gives under one name: a tensor, a sequence of tensors, or maps with the keys named.

    ``tensor`` is the name of what is read in place of maps.
    """

    name: str
    form: str
    element: str
    shape: tuple[int, ...] = ()
    keys: tuple[object, ...] = ()
    tensor: str = ""

    @property
    def source(self) -> str:
        """The name to ask the session for."""
        return self.tensor or self.name

    @property
    def fields(self) -> tuple[Field, ...]:
        """The signature's fields that it becomes."""
        if self.form in {"maps", "table"}:
            return tuple(Field(f"{self.name}.{key}", self.element) for key in self.keys)
        return (Field(self.name, self.element, self.shape),)


@dataclass(frozen=True, slots=True)
class Ports:
    """All inputs and outputs. ``batch`` is the fixed number of records of a call, None where it is free."""

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    batch: int | None

    @property
    def signature(self) -> Signature:
        """The model's signature."""
        fields = tuple(field for output in self.outputs for field in output.fields)
        return Signature(tuple(each.field for each in self.inputs), fields)


def read_ports(session: Any, tables: Sequence[Table] = ()) -> Ports:
    """Read a session's inputs and outputs, of which ``tables`` were maps. Raises ``UnsupportedError``."""
    maps = {table.tensor: Output(table.output, "table", "float", (), table.keys, table.tensor) for table in tables}
    nodes = session.get_inputs()
    inputs = tuple(_read_input(node, alone=len(nodes) == 1) for node in nodes)
    fixed = {node.shape[0] for node in nodes if isinstance(node.shape[0], int)}
    if len(fixed) > 1:
        raise UnsupportedError(f"the inputs take different numbers of records: {sorted(fixed)}")
    outputs = tuple(maps.get(node.name) or _read_output(node) for node in session.get_outputs())
    return Ports(inputs, outputs, fixed.pop() if fixed else None)


def _read_input(node: Any, *, alone: bool) -> Input:
    found = _TENSOR.fullmatch(node.type)
    if not found or found[1] not in _ELEMENTS:
        raise UnsupportedError(f"the input {node.name!r} is a {node.type}; tensors of {', '.join(_ELEMENTS)} are taken")
    if not node.shape or node.shape[0] == 0:
        raise UnsupportedError(f"the input {node.name!r} has no dimension for the records: its shape is {node.shape}")
    tail = _read_dimensions(node.shape[1:])
    shape = tail if any(size != 1 for size in tail) or (alone and tail) else ()
    return Input(Field(node.name, _ELEMENTS[found[1]], shape), tail)


def _read_output(node: Any) -> Output:
    if (found := _TENSOR.fullmatch(node.type)) and found[1] in _ELEMENTS:
        tail = _read_dimensions(node.shape[1:])
        shape = (-1,) if -1 in tail else tail if any(size != 1 for size in tail) else ()
        return Output(node.name, "tensor", _ELEMENTS[found[1]], shape)
    if (found := _MAPS.fullmatch(node.type)) and found[2] in _ELEMENTS:
        return Output(node.name, "maps", _ELEMENTS[found[2]])
    if (found := _TENSORS.fullmatch(node.type)) and found[1] in _ELEMENTS:
        return Output(node.name, "tensors", _ELEMENTS[found[1]], (-1,))
    raise UnsupportedError(f"the output {node.name!r} is a {node.type}, which has no column")


def _read_dimensions(shape: list[Any]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) and size >= 0 else -1 for size in shape)
