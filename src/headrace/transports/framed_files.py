"""Files of records one after the other: lines, CSV, length-delimited protobuf.

Rules for all:

1. Without ``follow``, the last line of a file needs no line end, and a last message that is cut short is a record that
   no codec takes: its bytes from its length on.
2. With ``follow``, what has no end yet waits.
3. A byte order mark at the beginning of a file of text is not part of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from headrace.errors import ConfigurationError, SourceError
from headrace.transports.framing import Frame, cut_values, frame_csv, frame_delimited, frame_lines
from headrace.transports.opening import check_file, is_compressed, open_stream, reading

_BLOCK = 1 << 20
_LARGEST = 64 << 20
_ADDRESSABLE = 1 << 30
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NO_VALUES = pa.array([], pa.binary())


class FramedReader:
    """Reads a file block by block. ``largest`` bounds the bytes of one record, so that damage is not read as one."""

    def __init__(self, path: Path, frame: Frame, largest: int, *, follow: bool, text: bool = True) -> None:
        self._path = path
        self._frame = frame
        self._largest = largest
        self._follow = follow
        with reading(path):
            self._place = check_file(path)
            self._stream = open_stream(path)
        self._mark = _BYTE_ORDER_MARK if text else b""
        self._position = 0
        self._rest = b""
        self._values = _NO_VALUES
        self._given = 0
        self._count = 0
        self.header: tuple[str, ...] | None = None
        self.ended = False

    def read_header(self) -> bytes | None:
        """Take the first record, which is then not counted as one."""
        values = self.read(1)
        if values is None:
            return None
        self._count -= 1
        header: bytes = values[0].as_py()
        return header

    def read(self, most: int) -> pa.Array | None:
        """Give up to ``most`` records as Arrow binary, None where there is none now."""
        if self._given == len(self._values) and not self._fill():
            return None
        values = self._values.slice(self._given, most)
        self._given += len(values)
        return values

    def skip(self, count: int) -> int:
        """Pass over records; gives how many there were."""
        passed = 0
        while passed < count and (values := self.read(count - passed)) is not None:
            passed += len(values)
        return passed

    def close(self) -> None:
        """Give back the file."""
        self._stream.close()

    def _fill(self) -> bool:
        """Frame further blocks until there is a record; tell whether there is one now."""
        while not self.ended:
            # Twice as much each time: a long record is looked at a few times, not once for every block of it.
            block = self._read_block(max(_BLOCK, len(self._rest)))
            if not block and self._follow:
                self._check_place()
                return False
            self.ended = not block
            whole = (self._rest + block).removeprefix(self._mark)
            framed = self._frame(whole, self.ended)
            self._rest = whole[framed.used :]
            if len(self._rest) > self._largest:
                self._refuse_length(self._count + len(framed))
            self._count += len(framed)
            if len(framed):
                self._mark = b""
                self._values, self._given = cut_values(whole, framed), 0
                return True
        return False

    def _read_block(self, most: int) -> bytes:
        with reading(self._path):
            block = self._stream.read(most)
        self._position += len(block)
        return block

    def _check_place(self) -> None:
        """Raise where a followed file is no longer the one that was opened, or no longer holds what was read."""
        with reading(self._path):
            now = check_file(self._path)
        if (now.st_dev, now.st_ino) != (self._place.st_dev, self._place.st_ino):
            what = "was replaced by another file (rotated)"
        elif now.st_size < self._position:
            what = f"was cut to {now.st_size} bytes of which {self._position} had been read"
        else:
            return
        raise SourceError(
            f"{self._path} {what} after record {self._count - 1} was read: a followed file may only grow. To go on "
            "with what it holds now, begin with a new state"
        )

    def _refuse_length(self, record: int) -> None:
        raise SourceError(
            f"{self._path}: record {record}, from byte {self._position - len(self._rest)} on, has no end within "
            f"{self._largest} bytes. The file is damaged there, or framed in another way than configured; if records "
            "are so large, raise largest_record"
        )


@dataclass(frozen=True, slots=True)
class Lines:
    """A record a line: JSON lines and any other text. An empty line is a record of no bytes."""

    largest_record: int = _LARGEST

    def __post_init__(self) -> None:
        _check_largest(self.largest_record)

    def open(self, path: Path, *, follow: bool) -> FramedReader:
        """Open one file."""
        _check_follow(path, follow=follow)
        return FramedReader(path, frame_lines, self.largest_record, follow=follow)


@dataclass(frozen=True, slots=True)
class Csv:
    """A record a line, or several lines where a cell in quotes holds line ends; values are without the header.

    ``columns`` names the columns where the file has no header; without them the first record is the header, and all
    files of a source must have the same. Offset 0 is the first record after the header.
    """

    columns: Sequence[str] | None = None
    delimiter: str = ","
    quote: str = '"'
    largest_record: int = _LARGEST

    def __post_init__(self) -> None:
        _check_largest(self.largest_record)
        for what, character in (("delimiter", self.delimiter), ("quote", self.quote)):
            if len(character) != 1 or not character.isascii() or character in "\r\n":
                raise ConfigurationError(f"the {what} of CSV is one ASCII character, not {character!r}")

    def open(self, path: Path, *, follow: bool) -> FramedReader:
        """Open one file and read over its header."""
        _check_follow(path, follow=follow)
        reader = FramedReader(path, frame_csv(self.delimiter, self.quote), self.largest_record, follow=follow)
        try:
            reader.header = tuple(self.columns) if self.columns is not None else self._read_header(path, reader)
        except SourceError:
            reader.close()
            raise
        return reader

    def _read_header(self, path: Path, reader: FramedReader) -> tuple[str, ...]:
        header = reader.read_header()
        if header is None:
            raise SourceError(f"{path} has no header line: write one, or give the columns in the configuration")
        try:
            text = io.StringIO(header.decode(), newline="")
            return tuple(next(csv.reader(text, delimiter=self.delimiter, quotechar=self.quote, strict=True), ()))
        except (UnicodeDecodeError, csv.Error) as error:
            raise SourceError(f"{path}: the header line cannot be read: {error}. Write it anew, as UTF-8") from error


@dataclass(frozen=True, slots=True)
class Delimited:
    """Protobuf messages, each after its length as a varint (``writeDelimitedTo``)."""

    largest_record: int = _LARGEST

    def __post_init__(self) -> None:
        _check_largest(self.largest_record)

    def open(self, path: Path, *, follow: bool) -> FramedReader:
        """Open one file."""
        _check_follow(path, follow=follow)
        return FramedReader(path, frame_delimited, self.largest_record, follow=follow, text=False)


def _check_largest(largest: int) -> None:
    if not 0 < largest <= _ADDRESSABLE:
        raise ConfigurationError(f"largest_record is a count of bytes from 1 to {_ADDRESSABLE}, not {largest}")


def _check_follow(path: Path, *, follow: bool) -> None:
    if follow and is_compressed(path):
        raise ConfigurationError(f"{path} is compressed, and a compressed file cannot be followed: set follow to false")
