"""A first call of a graph, with records of zeros: it may lack the memory, and shows the shapes of outputs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa

from headrace.errors import LimitError, ModelFormatError, UnsupportedError
from headrace.formats.tensorflow.library import TensorflowError, explain, load_library
from headrace.formats.tensorflow.model import TensorflowModel
from headrace.formats.tensorflow.ports import Input, Ports, settle
from headrace.formats.tensorflow.session import Session
from headrace.formats.tensorflow.tensors import Tensor
from headrace.packing import find_dtype

_INVALID_ARGUMENT, _OUT_OF_RANGE = 3, 11
_NOT_FOUND, _UNIMPLEMENTED = 5, 12


def try_out(session: Session, ports: Ports) -> Ports:
    """Call the graph once and settle what was open.

    Raises ``LimitError``, ``UnsupportedError`` and ``ModelFormatError``.
    """
    rows = ports.batch or 2
    model = TensorflowModel(session, replace(ports, argmax=""))
    try:
        values = model.run([_make_zeros(each, rows) for each in ports.inputs])
    except TensorflowError as error:
        return _judge(error, ports)
    except TypeError as error:
        raise UnsupportedError(f"the model gives what has no column: {error}") from error
    return settle(ports, values, rows)


def _judge(error: TensorflowError, ports: Ports) -> Ports:
    """Tell a graph that cannot run from one that refuses a record of zeros, as it well may."""
    if error.is_of_memory:
        raise LimitError(f"TensorFlow lacks the memory for the model: {error}") from error
    if error.code in {_NOT_FOUND, _UNIMPLEMENTED}:
        raise UnsupportedError(f"TensorFlow {load_library().version} does not support the model: {error}") from error
    unknown = [each.field.name for each in ports.outputs if each.field.shape == (-1,)]
    if error.code not in {_INVALID_ARGUMENT, _OUT_OF_RANGE}:
        raise explain(error, "TensorFlow model") from error
    if unknown:
        raise ModelFormatError(
            f"the model cannot score a record of zeros, which would tell the shape of {unknown[0]!r}: {error}"
        ) from error
    return ports


def _make_zeros(each: Input, rows: int) -> Tensor:
    shape = (rows, *(max(size, 1) for size in each.tail))
    if each.field.type == "string":
        return np.full(shape, "", object)
    if math.prod(shape) > 2**28:
        raise UnsupportedError(f"the input {each.field.name!r} takes {math.prod(shape) // rows:,} values for a record")
    return np.zeros(shape, find_dtype(pa.type_for_alias(each.field.type)))
