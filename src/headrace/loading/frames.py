"""Messages between a loader and its child process, over two pipes.

A frame is a magic number, the length of a head, the head, and the buffers whose sizes the head gives. The head holds
JSON values in the MessagePack encoding, since JSON itself has no NaN; the buffers are raw bytes. Nothing in a frame
runs when it is read, and what comes is checked as bytes of unknown origin: the other side may be in hostile hands.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

_MAGIC = b"HRF1"
_PREFIX = struct.Struct("<4sI")
_MAX_HEAD = 64 * 2**20
_PIPE_BYTES = 2**20

Bytes = npt.NDArray[np.uint8]


class ChannelError(Exception):
    """The other side has gone, is late, or does not speak the protocol."""


class EndedError(ChannelError):
    """The other side closed its end."""


class LateError(ChannelError):
    """The deadline passed."""


class GarbledError(ChannelError):
    """What came is not a frame."""


class Head(msgspec.Struct):
    """The kind of a frame, its values, and the sizes of its buffers in bytes."""

    kind: str
    values: msgspec.Raw
    sizes: list[int]


class Frame(msgspec.Struct):
    """A frame as it came. ``values`` is still encoded, to be decoded as the type that its kind asks for."""

    kind: str
    values: msgspec.Raw
    buffers: list[Bytes]


class Channel:
    """One end of the two pipes. Both descriptors belong to the channel. One thread at a time may use it."""

    def __init__(self, read_from: int, write_to: int) -> None:
        self._read_from, self._write_to = read_from, write_to
        self._encode = msgspec.msgpack.Encoder(enc_hook=_write_mapping).encode
        self._decode = msgspec.msgpack.Decoder(Head).decode
        for handle in (read_from, write_to):
            os.set_blocking(handle, False)
            _enlarge(handle)

    def send(self, kind: str, values: Any, buffers: Sequence[memoryview] = (), deadline: float | None = None) -> None:
        """Write a frame; ``buffers`` are flat views of bytes. The deadline is a moment of ``time.monotonic()``.

        Raises ``ChannelError``.
        """
        sizes = [buffer.nbytes for buffer in buffers]
        head = self._encode(Head(kind, msgspec.Raw(self._encode(values)), sizes))
        self._write(memoryview(_PREFIX.pack(_MAGIC, len(head)) + head), deadline)
        for buffer in buffers:
            self._write(buffer, deadline)

    def receive(self, max_bytes: int, deadline: float | None = None) -> Frame:
        """Read a frame whose buffers have ``max_bytes`` in all at most. Raises ``ChannelError``."""
        magic, length = _PREFIX.unpack(self._read(_PREFIX.size, deadline).tobytes())
        if magic != _MAGIC or length > _MAX_HEAD:
            raise GarbledError("what came is not a frame")
        try:
            head = self._decode(self._read(length, deadline).data)
        except msgspec.MsgspecError as error:
            raise GarbledError(f"what came is not a frame: {error}") from error
        if any(size < 0 for size in head.sizes) or sum(head.sizes) > max_bytes:
            raise GarbledError(f"a frame announces {sum(head.sizes):,} bytes, more than {max_bytes:,}")
        return Frame(head.kind, head.values, [self._read(size, deadline) for size in head.sizes])

    def close(self) -> None:
        """Close both pipes."""
        for handle in (self._read_from, self._write_to):
            os.close(handle)

    def _write(self, data: memoryview, deadline: float | None) -> None:
        done = 0
        while done < len(data):
            _wait(self._write_to, select.POLLOUT, deadline)
            try:
                done += os.write(self._write_to, data[done:])
            except BlockingIOError:
                continue
            except OSError as error:
                raise EndedError("the other side has gone") from error

    def _read(self, size: int, deadline: float | None) -> Bytes:
        """Read into fresh memory. The interpreter is not held while bytes are copied, so that others go on."""
        data = np.empty(size, np.uint8)
        view, done = data.data, 0
        while done < size:
            _wait(self._read_from, select.POLLIN, deadline)
            try:
                count = os.readv(self._read_from, [view[done:]])
            except BlockingIOError:
                continue
            if count == 0:
                raise EndedError("the other side has gone")
            done += count
        return data


def _write_mapping(value: object) -> dict[object, object]:
    """Write any mapping as a dict: descriptors and options may hold one that cannot be changed."""
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"a frame holds no {type(value).__name__}")


def _wait(handle: int, event: int, deadline: float | None) -> None:
    poller = select.poll()
    poller.register(handle, event)
    left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
    if not poller.poll(left):
        raise LateError("the deadline has passed")


def _enlarge(handle: int) -> None:
    """Ask for a larger pipe: fewer turns for a large model. A system that refuses is only slower."""
    try:
        fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        return
