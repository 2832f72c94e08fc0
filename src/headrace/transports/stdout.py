"""Output to the standard output, for looking at it and for pipes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Generic, TypeVar

from headrace.errors import SinkError

if TYPE_CHECKING:
    from headrace.abc.sink import Place

Written = TypeVar("Written")


class StdoutSink(Generic[Written]):
    """Writes what ``encode`` makes of each batch, and at once. ``header`` comes before the first: bytes, or of it.

    Not exactly once: nothing can be taken back from a terminal, so after a crash what was not committed is written
    again, after another header.
    """

    def __init__(
        self,
        encode: Callable[[Written], bytes],
        header: bytes | Callable[[Written], bytes] = b"",
        stream: BinaryIO | None = None,
    ) -> None:
        self._encode = encode
        self._header: bytes | Callable[[Written], bytes] | None = header
        self._stream = sys.stdout.buffer if stream is None else stream

    @property
    def exactly_once(self) -> bool:
        """False."""
        return False

    def recover(self, place: Place | None) -> None:
        """Take nothing back."""

    def write(self, written: Written) -> None:
        """Write a batch. Raises ``SinkError`` where nobody reads."""
        content = self._encode(written)
        if self._header is not None:
            content = (self._header(written) if callable(self._header) else self._header) + content
            self._header = None
        try:
            self._stream.write(content)
            self._stream.flush()
        except BrokenPipeError as error:
            raise SinkError("nobody reads the standard output any more: the program it was piped to ended") from error
        except OSError as error:
            raise SinkError(f"the standard output cannot be written: {error.strerror or error}") from error

    def commit(self) -> Place:
        """Name no place: what is written is out."""
        return {}

    def close(self) -> None:
        """Leave the standard output open."""
