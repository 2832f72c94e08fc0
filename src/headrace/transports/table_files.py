"""Files that hold columns: Parquet, and Arrow's file and stream.

A record is a row. Columns come as they are in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from headrace.errors import ConfigurationError, SourceError
from headrace.transports.opening import check_file, is_compressed, reading

_ARROW_FILE = b"ARROW1"
_ROWS = 65_536


class TableReader:
    """Gives the rows of batches, so many at a time."""

    def __init__(self, path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        self.header = schema
        self.ended = False
        self._path = path
        self._batches = batches
        self._rows = pa.RecordBatch.from_pylist([], schema=schema)

    def read(self, most: int) -> pa.RecordBatch | None:
        """Give up to ``most`` rows, all of one batch of the file; None at the end."""
        while not self._rows.num_rows and not self.ended:
            with reading(self._path):
                batch = next(self._batches, None)
            self.ended = batch is None
            self._rows = self._rows if batch is None else batch
        if self.ended:
            return None
        rows, self._rows = self._rows.slice(0, most), self._rows.slice(most)
        return rows

    def skip(self, count: int) -> int:
        """Pass over rows; gives how many there were."""
        passed = 0
        while passed < count and (rows := self.read(count - passed)) is not None:
            passed += rows.num_rows
        return passed

    def close(self) -> None:
        """Give back the file."""
        self._batches = iter(())


class ParquetReader(TableReader):
    """Gives the rows of a Parquet file; row groups that are passed over are not read."""

    def __init__(self, path: Path, file: parquet.ParquetFile) -> None:
        super().__init__(path, file.schema_arrow, file.iter_batches(_ROWS))
        self._file = file

    def skip(self, count: int) -> int:
        """Pass over rows; gives how many there were. Called before the first ``read``."""
        passed = group = 0
        sizes = [self._file.metadata.row_group(index).num_rows for index in range(self._file.num_row_groups)]
        while group < len(sizes) and passed + sizes[group] <= count:
            passed += sizes[group]
            group += 1
        self._batches = self._file.iter_batches(_ROWS, row_groups=range(group, len(sizes)))
        return passed + super().skip(count - passed)

    def close(self) -> None:
        """Give back the file."""
        super().close()
        self._file.close()


@dataclass(frozen=True, slots=True)
class Parquet:
    """Parquet. The header is its Arrow schema."""

    def open(self, path: Path, *, follow: bool) -> TableReader:
        """Open one file."""
        _check(path, follow=follow)
        with reading(path):
            return ParquetReader(path, parquet.ParquetFile(str(path)))


@dataclass(frozen=True, slots=True)
class Arrow:
    """Arrow IPC: the file format, also known as Feather, or the stream format; which one is found by looking.

    The header is its schema.
    """

    def open(self, path: Path, *, follow: bool) -> TableReader:
        """Open one file."""
        _check(path, follow=follow)
        with reading(path):
            # Not mapped into memory: a mapped file that somebody cuts takes the process with it.
            file = pa.OSFile(str(path))
            if file.read(len(_ARROW_FILE)) == _ARROW_FILE:
                opened = pa.ipc.open_file(file)
                return TableReader(path, opened.schema, map(opened.get_batch, range(opened.num_record_batches)))
            file.seek(0)
            stream = pa.ipc.open_stream(file)
            return TableReader(path, stream.schema, iter(stream))


def _check(path: Path, *, follow: bool) -> None:
    if follow:
        raise ConfigurationError(
            f"{path} cannot be followed: only lines, csv and delimited files grow by records; set follow to false"
        )
    with reading(path):
        check_file(path)
    if is_compressed(path):
        raise SourceError(f"{path} is compressed as a whole, and its kind compresses within: unpack it")
