"""What a TensorFlow model takes and gives, as fields of a signature.

Inputs: a tensor with no dimension but the records', or whose others are 1, is a scalar for each record; with more it is
a vector. The only input of a model stays a vector even where it has one element, so that it finds its field as vectors
do. A tensor of unknown rank is a vector of any size. A flag without a dimension, such as Keras's learning phase, is fed
as false and is no input.

Outputs: one value a record is a column, several are one fixed-size list column, a list column where their number is
not fixed. ``argmax`` adds the column ``class``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from headrace.errors import DescriptorError, UnsupportedError
from headrace.formats.tensorflow.session import Session
from headrace.formats.tensorflow.tensors import ELEMENTS, Tensor
from headrace.records import Field, Signature

CLASS = "class"


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that is fed. ``tail`` are its dimensions after the records'."""

    field: Field
    tail: tuple[int, ...]
    tensor: str


@dataclass(frozen=True, slots=True)
class Output:
    """A tensor that is fetched."""

    field: Field
    tensor: str

    @property
    def column(self) -> pa.DataType:
        """The type of its column."""
        kind, shape = pa.type_for_alias(self.field.type), self.field.shape
        if not shape:
            return kind
        return pa.list_(kind) if -1 in shape else pa.list_(kind, math.prod(shape))


@dataclass(frozen=True, slots=True)
class Ports:
    """All inputs and outputs. ``flags`` are fed as false; ``batch`` is the fixed number of records of a call, or None.

    ``argmax`` is the name of the output that classes are read from, or "".
    """

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    flags: tuple[str, ...] = ()
    batch: int | None = None
    argmax: str = ""

    @property
    def signature(self) -> Signature:
        """The model's signature."""
        classes = (Field(CLASS, "int64"),) if self.argmax else ()
        return Signature(tuple(each.field for each in self.inputs), (*(each.field for each in self.outputs), *classes))


def read_ports(session: Session, inputs: Mapping[str, str], outputs: Mapping[str, str], argmax: str) -> Ports:
    """Read types and shapes of the tensors that inputs and outputs name.

    Raises ``UnsupportedError``, ``DescriptorError`` and ``TensorflowError``.
    """
    shapes = {name: session.read_shape(tensor) for name, tensor in inputs.items()}
    kinds = {name: _read_element(session, tensor, f"input {name!r}") for name, tensor in inputs.items()}
    flags = tuple(inputs[name] for name, shape in shapes.items() if shape == () and kinds[name] == "bool")
    taken = [name for name, tensor in inputs.items() if tensor not in flags]
    read = tuple(_read_input(name, inputs[name], kinds[name], shapes[name], len(taken) == 1) for name in taken)
    fixed = {shape[0] for name in taken if (shape := shapes[name]) and shape[0] > 0}
    if not taken:
        raise UnsupportedError("the model takes no input: name its inputs in the descriptor's options")
    if len(fixed) > 1:
        raise UnsupportedError(f"the inputs take different numbers of records: {sorted(fixed)}")
    given = tuple(
        Output(Field(name, _read_element(session, tensor, f"output {name!r}"), _read_shape(session, tensor)), tensor)
        for name, tensor in outputs.items()
    )
    return Ports(read, given, flags, fixed.pop() if fixed else None, _find_argmax(given, argmax))


def settle(ports: Ports, values: list[Tensor], rows: int) -> Ports:
    """Settle the shapes of outputs by what a call with some rows gave. Raises ``UnsupportedError``."""
    outputs = []
    for each, value in zip(ports.outputs, values, strict=True):
        if not value.shape or value.shape[0] != rows:
            raise UnsupportedError(
                f"the output {each.field.name!r} has the shape {list(value.shape)} for {rows} records: "
                "name the outputs that are for each record in the descriptor's options"
            )
        single = all(size == 1 for size in value.shape[1:])
        known = each.field.shape != (-1,) or not single
        outputs.append(each if known else replace(each, field=replace(each.field, shape=())))
    return replace(ports, outputs=tuple(outputs))


def _read_element(session: Session, tensor: str, what: str) -> str:
    kind = session.read_type(tensor) % 100
    if kind not in ELEMENTS:
        raise UnsupportedError(
            f"the {what} is of TensorFlow's type {kind}, which has no column; there are {', '.join(ELEMENTS.values())}"
        )
    return ELEMENTS[kind]


def _read_input(name: str, tensor: str, kind: str, shape: tuple[int, ...] | None, alone: bool) -> Input:
    if shape is not None and (not shape or shape[0] == 0):
        raise UnsupportedError(f"the input {name!r} has no dimension for the records: its shape is {list(shape)}")
    tail = (-1,) if shape is None else shape[1:]
    is_vector = any(size != 1 for size in tail) or (alone and bool(tail))
    return Input(Field(name, kind, tail if is_vector else ()), tail, tensor)


def _read_shape(session: Session, tensor: str) -> tuple[int, ...]:
    shape = session.read_shape(tensor)
    if shape is None:
        return (-1,)
    tail = shape[1:]
    if -1 in tail:
        return (-1,)
    return tail if any(size != 1 for size in tail) else ()


def _find_argmax(outputs: tuple[Output, ...], wanted: str) -> str:
    if not wanted:
        return ""
    vectors = [each.field.name for each in outputs if each.field.shape and each.field.type != "string"]
    if wanted not in vectors:
        raise DescriptorError(
            f"the option argmax names {wanted!r}; outputs of several numbers are: {', '.join(vectors) or 'none'}"
        )
    return wanted
