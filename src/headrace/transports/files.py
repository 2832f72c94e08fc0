"""Records out of files, each file a partition.

1. Partitions are numbered from 0 in the order of the files' names. A state directory knows them by number: as long as
   one is used, files may be added only if their names come last (``headrace run`` refuses any other change).
2. An offset is a record's ordinal in its file, 0 for the first; what is no record, such as a header, is not counted.
3. ``resume`` passes over ``done`` + 1 records. Files are replayable as long as they are not changed, except that one
   that is followed may grow. A last line without its end is a record: a file that is still being written is to be
   followed.
4. File records have no keys and no times of their own.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from headrace.errors import SourceError
from headrace.records import Raw
from headrace.transports.following import Watch
from headrace.transports.opening import reading

if TYPE_CHECKING:
    from headrace.abc.source import Wake

Header: TypeAlias = "tuple[str, ...] | pa.Schema | Mapping[str, object] | None"


class FileReader(Protocol):
    """One open file. Every method raises ``SourceError``."""

    @property
    def header(self) -> Header:
        """What the file itself tells about all its records."""

    @property
    def ended(self) -> bool:
        """Whether the None that ``read`` gave was for the end of the file."""

    def read(self, most: int) -> pa.Array | pa.RecordBatch | None:
        """Give up to ``most`` records as binary values or as columns, None where there is none now."""

    def skip(self, count: int) -> int:
        """Pass over records; gives how many there were."""

    def close(self) -> None:
        """Give back the file."""


class FileKind(Protocol):
    """How records lie in a file: ``Lines``, ``Csv``, ``Delimited``, ``Parquet``, ``Arrow``, ``Avro``."""

    def open(self, path: Path, *, follow: bool) -> FileReader:
        """Open one file at its beginning.

        Raises ``SourceError``, and ``ConfigurationError`` for a kind that cannot be followed where it is to be.
        """


class FileSource:
    """A ``RecordSource`` over one file, or over several: a pattern such as ``data/*.csv``, or a list of either.

    ``follow``: the files grow, and what is appended is read as it comes; the source is never exhausted. A file that is
    cut, replaced or removed meanwhile is a ``SourceError``. ``name`` is that of the file, or of the pattern, unless it
    is given. ``interval`` is how often followed files are looked at, in seconds.

    Raises ``SourceError`` where no file is there.
    """

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        kind: FileKind,
        name: str = "",
        *,
        follow: bool = False,
        interval: float = 0.05,
    ) -> None:
        named = [paths] if isinstance(paths, str | Path) else list(paths)
        self.files = find_files(named)
        self.name = name or Path(named[0]).name
        self.partitions: Sequence[int] = range(len(self.files))
        self.replayable = True
        self._kind = kind
        self._follow = follow
        self._interval = interval
        self._readers: dict[int, FileReader] = {}
        self._next = [0] * len(self.files)
        self._drained = [False] * len(self.files)
        self._watch: Watch | None = None

    @property
    def header(self) -> Header:
        """What the first file tells about its records, and so must the others.

        The columns' names of CSV, the schema of Parquet and Arrow, the schema of Avro as JSON values; None for lines
        and messages. Raises ``SourceError``.
        """
        return self._reader(0).header

    def start(self, wake: Wake) -> None:
        """Begin. ``wake`` is called, from a thread, when a followed file has changed."""
        if self._follow:
            self._watch = Watch(self.files, self._interval, wake)

    def resume(self, partition: int, done: int) -> None:
        """Go on after the record of offset ``done``.

        Raises ``SourceError`` where the file no longer holds that record.
        """
        if partition in self._readers:
            self._readers.pop(partition).close()
        there = self._reader(partition).skip(done + 1)
        if there <= done:
            raise SourceError(
                f"{self.files[partition]} holds {there} records, and {done + 1} had been read from it: the file was "
                "changed. Put it back, or begin with a new state"
            )
        self._next[partition] = done + 1

    def read(self, partition: int, most: int) -> Raw | None:
        """Give up to ``most`` records, None at the end and, of a followed file, where nothing was appended.

        Raises ``SourceError``.
        """
        reader = self._reader(partition)
        records = reader.read(most)
        self._drained[partition] = records is None and reader.ended
        if records is None:
            return None
        first = self._next[partition]
        self._next[partition] += len(records)
        offsets = np.arange(first, self._next[partition], dtype=np.int64)
        if isinstance(records, pa.RecordBatch):
            return Raw(self.name, partition, offsets, table=records)
        return Raw(self.name, partition, offsets, values=records)

    def exhausted(self, partition: int) -> bool:
        """Whether ``read`` has come to the end; never of a followed file."""
        return self._drained[partition]

    def close(self) -> None:
        """Give back the files."""
        if self._watch is not None:
            self._watch.close()
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def _reader(self, partition: int) -> FileReader:
        if partition in self._readers:
            return self._readers[partition]
        path = self.files[partition]
        reader = self._readers[partition] = self._kind.open(path, follow=self._follow)
        if partition and reader.header != self.header:
            raise SourceError(
                f"{path} has other columns than {self.files[0]}: {reader.header} and not {self.header}. "
                "Read them as two sources, or write them alike"
            )
        return reader


def find_files(named: Sequence[str | Path]) -> tuple[Path, ...]:
    """List files given by names and patterns, each once, in the order of their names.

    Raises ``SourceError`` for a pattern that matches nothing, a file that is not there, and a directory.
    """
    found: set[Path] = set()
    for name in named:
        path = Path(name)
        with reading(path):
            if path.is_dir():
                raise IsADirectoryError
            matches = {path} if path.exists() else {each for each in find_matches(path) if not each.is_dir()}
        if not matches:
            raise SourceError(f"{path} is not there: name a file that exists, or a pattern that matches some")
        found |= matches
    if not found:
        raise SourceError("no file is named: name a file, or a pattern such as data/*.csv")
    return tuple(sorted(found))


def find_matches(pattern: Path) -> Iterator[Path]:
    """Find what matches a pattern; ``**`` is any depth."""
    return (Path(match) for match in glob.iglob(str(pattern), recursive=True))  # noqa: PTH207  Path.glob wants a root
