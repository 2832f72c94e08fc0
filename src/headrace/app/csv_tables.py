"""A person's own CSV file, as columns of text in blocks.

Rules:

1. The first line names the columns. The delimiter is given, or found: the one of comma, semicolon, tab and bar under
   which most columns are known, then the one that gives most columns.
2. A cell that is empty, NA or N/A is missing, in quotes or not.
3. A line that is empty is no row, except where there is only one column: there it is a missing value.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import pyarrow as pa
from pyarrow import csv as arrow_csv

from headrace.binding import fold
from headrace.errors import ConfigurationError, SourceError
from headrace.wire.csv import MISSING

DELIMITERS = (",", ";", "\t", "|")
_HEADER_BYTES = 1 << 20
_BLOCK_BYTES = 4 << 20


class _Peekable(Protocol):
    def peek(self, size: int, /) -> bytes:
        """Give what comes next without passing over it."""


class CsvTable:
    """A CSV file, opened; "-" is standard input. ``known`` are the columns that help to find the delimiter.

    Raises ``SourceError`` that names the file, and ``ConfigurationError`` for a delimiter or encoding that is none.
    """

    def __init__(self, path: Path, known: Collection[str] = (), delimiter: str = "", encoding: str = "utf-8") -> None:
        self.path = path
        self._file = _open(path)
        try:
            start = cast("_Peekable", self._file).peek(_HEADER_BYTES)[:_HEADER_BYTES]
            text = _decode(start, encoding, path)
            self.delimiter = delimiter or find_delimiter(text, known)
            self.columns = _find_columns(text, self.delimiter, path)
            alone = "\n" not in text and "\r" not in text
            self._reader = None if alone else self._read(encoding)
        except BaseException:
            self._file.close()
            raise

    @property
    def schema(self) -> pa.Schema:
        """The columns, all of them text."""
        return pa.schema([(name, pa.string()) for name in self.columns])

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self._reader is None:
            return
        try:
            for batch in self._reader:
                yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)
        except pa.ArrowInvalid as error:
            raise self._explain(error) from error
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror or error}") from error

    def close(self) -> None:
        """Give back the file."""
        self._file.close()

    def _read(self, encoding: str) -> arrow_csv.CSVStreamingReader:
        try:
            return arrow_csv.open_csv(
                self._open_natively(),
                arrow_csv.ReadOptions(block_size=_BLOCK_BYTES, encoding=encoding),
                arrow_csv.ParseOptions(
                    delimiter=self.delimiter, newlines_in_values=True, ignore_empty_lines=len(self.columns) > 1
                ),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(self.columns, pa.string()),
                    null_values=list(MISSING),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._explain(error) from error

    def _open_natively(self) -> BinaryIO | pa.NativeFile:
        """Give Arrow a file of its own where it can have one.

        A thread of Arrow may be the last to let go of a file of Python, and where the interpreter ends meanwhile, that
        aborts the process.
        """
        return pa.OSFile(str(self.path)) if self.path.is_file() else self._file

    def _explain(self, error: pa.ArrowInvalid) -> SourceError:
        reason = str(error).partition("\n")[0].removeprefix("CSV parse error: ").removeprefix("In CSV column ")
        if "UTF8" in reason:
            return SourceError(f"{self.path} is not UTF-8 ({reason}): name its encoding, such as --encoding latin-1")
        return SourceError(f"{self.path}, read with the delimiter {self.delimiter!r}: {reason}")


def find_delimiter(text: str, known: Collection[str]) -> str:
    """Find the delimiter of a text's first line."""
    names = {fold(name) for name in known}

    def rate(delimiter: str) -> tuple[int, int]:
        cells = _read_header(text, delimiter)
        return len({fold(cell) for cell in cells} & names), len(cells)

    return max(DELIMITERS, key=rate)


def _open(path: Path) -> BinaryIO:
    if str(path) == "-":
        return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), _HEADER_BYTES)
    try:
        return path.open("rb", buffering=_HEADER_BYTES)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def _decode(start: bytes, encoding: str, path: Path) -> str:
    try:
        # A character that the end of the block cuts in two is of no interest here.
        return start.decode(encoding, errors="ignore" if len(start) >= _HEADER_BYTES else "strict").removeprefix(
            "\ufeff"
        )
    except LookupError as error:
        raise ConfigurationError(f"unknown encoding {encoding!r}; utf-8, latin-1 and utf-16 are some") from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} is not {encoding}: {error.reason} at byte {error.start}; name its encoding"
        ) from error


def _find_columns(text: str, delimiter: str, path: Path) -> list[str]:
    columns = _read_header(text, delimiter)
    if not columns:
        raise SourceError(f"{path} is empty: its first line names the columns")
    return columns


def _read_header(text: str, delimiter: str) -> list[str]:
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\r\n"':
        raise ConfigurationError(f"the delimiter of CSV is one ASCII character, not {delimiter!r}")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return next(lines, [])
    except csv.Error:
        return []
