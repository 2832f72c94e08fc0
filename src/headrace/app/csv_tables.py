"""A person's own CSV file, as columns of text in blocks.

Rules:

1. The first line names the columns. The delimiter is given, or found: the one of comma, semicolon, tab and bar under
   which most columns are known, then the one that gives most columns.
2. A cell that is empty, NA or N/A is missing, in quotes or not.
3. A line that is empty is no row, except where there is only one column: there it is a missing value.
4. Arrow reads a file of its own, never one of Python: one of its threads may be the last to let go of that, and where
   the interpreter ends meanwhile the process aborts. So what is no file, or not UTF-8, is first copied as UTF-8 to a
   temporary file, which is as large as the table; memory stays bounded.
"""

from __future__ import annotations

import codecs
import csv
import io
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from headrace.binding import fold
from headrace.errors import ConfigurationError, SinkError, SourceError
from headrace.wire.csv import MISSING

DELIMITERS = (",", ";", "\t", "|")
_HEADER_BYTES = 1 << 20
_BLOCK_BYTES = 4 << 20


class CsvTable:
    """A CSV file, opened; "-" is standard input. ``known`` are the columns that help to find the delimiter.

    Raises ``SourceError`` that names the file, and ``ConfigurationError`` for a delimiter or encoding that is none.
    """

    def __init__(self, path: Path, known: Collection[str] = (), delimiter: str = "", encoding: str = "utf-8") -> None:
        self.path = path
        with ExitStack() as opened:
            copied = str(path) == "-" or not path.is_file() or _find_codec(encoding) != "utf-8"
            file = opened.enter_context(_copy(path, encoding) if copied else _open(path))
            start = file.read(_HEADER_BYTES)
            text = _decode(start, path)
            self.delimiter = delimiter or find_delimiter(text, known)
            self.columns = _find_columns(text, self.delimiter, path)
            alone = "\n" not in text and "\r" not in text
            self._reader = None if alone else self._read(file)
            self._opened = opened.pop_all()

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
        self._opened.close()

    def _read(self, file: BinaryIO) -> arrow_csv.CSVStreamingReader:
        try:
            return arrow_csv.open_csv(
                # By descriptor, since a temporary file has no name.
                pa.OSFile(f"/dev/fd/{file.fileno()}"),
                arrow_csv.ReadOptions(block_size=_BLOCK_BYTES),
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
    try:
        if str(path) == "-":
            return open(sys.stdin.fileno(), "rb", closefd=False)
        return path.open("rb")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def _copy(path: Path, encoding: str) -> BinaryIO:
    """Copy a table as UTF-8 to a temporary file, which is gone once it is closed.

    Raises ``SourceError``, and ``SinkError`` where there is no room for it.
    """
    plain = _find_codec(encoding) == "utf-8"
    decoder = codecs.getincrementaldecoder("utf-8" if plain else encoding)()
    with _open(path) as file, ExitStack() as opened:
        try:
            copy = opened.enter_context(tempfile.TemporaryFile())
            begin = 0
            while block := _read_block(file, path):
                copy.write(block if plain else _recode(decoder, block, begin, path, encoding))
                begin += len(block)
            if not plain:
                copy.write(_recode(decoder, b"", begin, path, encoding))
            copy.seek(0)
        except OSError as error:
            where = tempfile.gettempdir()
            raise SinkError(
                f"the temporary copy of {path} in {where} cannot be written: {error.strerror or error}. Make room "
                "there, or set TMPDIR"
            ) from error
        opened.pop_all()
        return copy


def _read_block(file: BinaryIO, path: Path) -> bytes:
    try:
        return file.read(_BLOCK_BYTES)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def _recode(decoder: codecs.IncrementalDecoder, block: bytes, begin: int, path: Path, encoding: str) -> bytes:
    """Decode the next block, which begins at a byte of the table; an empty one is its end."""
    begin -= len(decoder.getstate()[0])
    try:
        return decoder.decode(block, final=not block).encode()
    except UnicodeDecodeError as error:
        raise _refuse_encoding(path, encoding, error.reason, begin + error.start) from error
    except UnicodeError as error:
        raise _refuse_encoding(path, encoding, str(error), begin) from error


def _find_codec(encoding: str) -> str:
    """Find the name of an encoding. Raises ``ConfigurationError`` for one that there is not."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise ConfigurationError(f"unknown encoding {encoding!r}; utf-8, latin-1 and utf-16 are some") from error


def _decode(start: bytes, path: Path) -> str:
    try:
        # A character that the end of the block cuts in two is of no interest here.
        return start.decode(errors="ignore" if len(start) >= _HEADER_BYTES else "strict").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise _refuse_encoding(path, "utf-8", error.reason, error.start) from error


def _refuse_encoding(path: Path, encoding: str, reason: str, place: int) -> SourceError:
    return SourceError(
        f"{path} is not {encoding}: {reason} at byte {place}; name its encoding, such as --encoding latin-1"
    )


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
