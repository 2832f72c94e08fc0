"""What loader and child say to each other, as values and buffers of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from headrace import errors
from headrace.abc.model import Prepared
from headrace.loading.checking import Checked, Timings
from headrace.loading.frames import Bytes, Frame, GarbledError
from headrace.records import Descriptor, Signature

START, READY, CHECK, REACHED, PASSED, FAILED = "start", "ready", "check", "reached", "passed", "failed"
T = TypeVar("T")
_CONTENT = -1  # in place of a buffer's number: the array is the model's bytes, which the loader holds already
_KINDS = frozenset("biufSU")
_ERRORS: Mapping[str, type[errors.HeadraceError]] = {
    each.__name__: each
    for each in (
        errors.UnknownFormatError,
        errors.ModelFormatError,
        errors.UnsupportedError,
        errors.VerificationError,
        errors.SignatureError,
        errors.ModelError,
        errors.DescriptorError,
        errors.LimitError,
        errors.MissingExtraError,
        errors.ConfigurationError,
    )
}


class Ready(msgspec.Struct):
    """A child is ready to check. ``network`` is "" where it has none, else why it could not be cut off."""

    network: str


class Request(msgspec.Struct):
    """A candidate to check; its bytes are the frame's one buffer."""

    descriptor: Descriptor


class Array(msgspec.Struct):
    """An array by the number of its buffer."""

    name: str
    dtype: str
    shape: list[int]
    buffer: int


class Verdict(msgspec.Struct):
    """A candidate passed; its arrays are the frame's buffers."""

    format: str
    signature: Signature
    timings: Timings
    memory: int
    plan: dict[str, object]
    arrays: list[Array]


class Failed(msgspec.Struct):
    """A candidate did not pass."""

    error: str
    message: str


def make_request(descriptor: Descriptor) -> Request:
    """Make a request; the bytes go beside it."""
    return Request(replace(descriptor, content=None))


def make_verdict(checked: Checked, content: bytes) -> tuple[Verdict, list[memoryview]]:
    """Write what passed as values and buffers."""
    given = np.frombuffer(content, np.uint8)
    arrays: list[Array] = []
    buffers: list[memoryview] = []
    for name, array in checked.prepared.arrays.items():
        if _is_same(array, given):
            arrays.append(Array(name, array.dtype.str, list(array.shape), _CONTENT))
            continue
        arrays.append(Array(name, array.dtype.str, list(array.shape), len(buffers)))
        buffers.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    plan = dict(checked.prepared.plan)
    return Verdict(checked.format, checked.signature, checked.timings, checked.memory, plan, arrays), buffers


def _is_same(array: npt.NDArray[np.generic], given: Bytes) -> bool:
    same_place = array.__array_interface__["data"][0] == given.__array_interface__["data"][0]
    return bool(same_place and array.nbytes == given.nbytes and array.flags.c_contiguous)


def read_verdict(frame: Frame, content: bytes) -> Checked:
    """Read what passed, looking at nothing but what it says. Raises ``GarbledError``."""
    verdict = decode(frame, Verdict)
    arrays = {each.name: _read_array(each, frame.buffers, content) for each in verdict.arrays}
    prepared = Prepared(verdict.plan, arrays)
    return Checked(prepared, verdict.format, verdict.signature, verdict.timings, verdict.memory)


def _read_array(array: Array, buffers: Sequence[Bytes], content: bytes) -> npt.NDArray[np.generic]:
    try:
        kind = np.dtype(array.dtype)
        if kind.kind not in _KINDS or not _CONTENT <= array.buffer < len(buffers):
            raise GarbledError(f"an array of type {array.dtype!r} in buffer {array.buffer} was announced")
        source = np.frombuffer(content, np.uint8) if array.buffer == _CONTENT else buffers[array.buffer]
        read: npt.NDArray[np.generic] = source.view(kind).reshape(array.shape)
    except (TypeError, ValueError) as error:
        raise GarbledError(f"an array does not fit its buffer: {error}") from error
    return read  # writable, as what prepare gives: kernels compiled for that take no other


def make_failed(error: errors.HeadraceError) -> Failed:
    """Write an error by the name of its kind, or of the nearest kind that can be told."""
    names = [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _ERRORS]
    return Failed(names[0] if names else errors.ModelFormatError.__name__, str(error))


def read_failed(frame: Frame) -> errors.HeadraceError:
    """Read an error. Raises ``GarbledError`` for a kind that no check raises."""
    failed = decode(frame, Failed)
    if failed.error not in _ERRORS:
        raise GarbledError(f"an error of the kind {failed.error!r} was announced")
    return _ERRORS[failed.error](failed.message)


def decode(frame: Frame, kind: type[T]) -> T:
    """Decode a frame's values. Raises ``GarbledError``."""
    try:
        return msgspec.msgpack.decode(frame.values, type=kind)
    except msgspec.MsgspecError as error:
        raise GarbledError(f"what came is not a {kind.__name__}: {error}") from error
