"""NumPy arrays to TensorFlow's tensors and back.

Text is laid out as TensorFlow's strings are (24 bytes each, platform/ctstring.h): going in, as views of one buffer;
coming out, short strings hold their bytes and longer ones point to them.
"""

from __future__ import annotations

import ctypes as ct
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.packing import find_dtype

if TYPE_CHECKING:
    from headrace.formats.tensorflow.library import Library

STRING = 7
ELEMENTS: Mapping[int, str] = MappingProxyType(
    {
        1: "float", 2: "double", 3: "int32", 4: "uint8", 5: "int16", 6: "int8", 7: "string", 9: "int64", 10: "bool",
        17: "uint16", 19: "float16", 22: "uint32", 23: "uint64",
    }
)  # fmt: skip
"""Numbers of TensorFlow's element types that records can hold, and Arrow's names for them."""
NUMBERS: Mapping[str, int] = MappingProxyType({name: number for number, name in ELEMENTS.items()})

Tensor = npt.NDArray[Any]
_DTYPES = {number: find_dtype(pa.type_for_alias(name)) for number, name in ELEMENTS.items()}
_STRING_SIZE = 24
_SMALL, _LARGE, _VIEW = 0, 1, 3


def make_tensor(library: Library, kind: int, array: Tensor) -> tuple[int, object]:
    """Make a tensor of an element type; what comes beside it has to be kept until the tensor is gone."""
    kept: object = None
    if kind == STRING:
        array, kept, shape = *_lay_out(array), array.shape
    else:
        array, shape = np.ascontiguousarray(array), array.shape
    quick = library.quick
    tensor: int = quick.TF_AllocateTensor(kind, (ct.c_int64 * len(shape))(*shape), len(shape), array.nbytes)
    if array.nbytes:
        ct.memmove(quick.TF_TensorData(tensor), _find_data(array), array.nbytes)
    return tensor, kept


def read_tensor(library: Library, tensor: int) -> Tensor:
    """Copy a tensor; text becomes an array of objects. Raises ``TypeError`` for an element type that has no array."""
    quick = library.quick
    kind = quick.TF_TensorType(tensor)
    if kind not in _DTYPES:
        raise TypeError(f"element type {kind}")
    shape = [quick.TF_Dim(tensor, axis) for axis in range(quick.TF_NumDims(tensor))]
    size = quick.TF_TensorByteSize(tensor)
    if kind == STRING:
        return _read_strings(quick.TF_TensorData(tensor), size // _STRING_SIZE).reshape(shape)
    array = np.empty(shape, _DTYPES[kind])
    if array.nbytes:
        ct.memmove(_find_data(array), quick.TF_TensorData(tensor), array.nbytes)
    return array


def _find_data(array: Tensor) -> int:
    address: int = array.__array_interface__["data"][0]  # quicker than array.ctypes
    return address


def _lay_out(values: Tensor) -> tuple[Tensor, object]:
    """Lay text out as views of the one buffer that Arrow makes of it."""
    texts = pa.array(values.ravel(), pa.large_string())
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64, len(texts) + 1)
    laid = np.zeros((len(texts), _STRING_SIZE // 8), np.uint64)
    laid[:, 0] = (np.diff(bounds).astype(np.uint64) << np.uint64(2)) | np.uint64(_VIEW)
    laid[:, 1] = bounds[:-1].astype(np.uint64) + np.uint64(0 if data is None else data.address)
    return laid, texts


def _read_strings(address: int, count: int) -> Tensor:
    raw = ct.string_at(address, count * _STRING_SIZE) if count else b""
    words = np.frombuffer(raw, np.uint64)
    found = np.empty(count, object)
    for place in range(count):
        start = place * _STRING_SIZE
        first = raw[start]
        if first & 3 == _SMALL:
            text = raw[start + 1 : start + 1 + (first >> 2)]
        else:
            size, pointer = int(words[place * 3]) >> 2, int(words[place * 3 + (1 if first & 3 == _VIEW else 2)])
            text = ct.string_at(pointer, size)
        found[place] = text.decode(errors="replace")
    return found
