"""Output as Parquet or Arrow files, each record once: a part for every commit that has something to write.

::

    results-000001.parquet     committed parts, never changed
    results-000002.parquet
    .results-000003.parquet    being written; its name loses the dot at the commit

1. A part is renamed into place when it is whole and on the disk. The place is the number of the last part, so
   ``recover`` removes those after it.
2. Another schema begins another part.
3. After an error the sink refuses all further work; committed parts stand, and ``recover`` goes on after them.
4. Commit once after ``recover(None)`` and before the first ``write``, and store that place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pyarrow as pa
from pyarrow import parquet

from headrace.errors import ConfigurationError, SinkError
from headrace.transports.file_sinks import Existing, flush, writing

if TYPE_CHECKING:
    from headrace.abc.sink import Place

Written = TypeVar("Written")
_KINDS = (".parquet", ".arrow")
_COMPRESSIONS = ("none", "snappy", "gzip", "brotli", "zstd", "lz4")


class PartSink(Generic[Written]):
    """Writes what ``encode`` makes of each batch to parts beside ``path``: ``results.parquet`` names their pattern.

    The suffix says the kind: ``.parquet``, compressed by ``compression`` ("none", "snappy", "gzip", "brotli", "zstd",
    "lz4"), or ``.arrow``. ``existing`` says what a first start does with parts that are there: ``refuse`` them,
    ``append`` after them, or ``overwrite`` (remove) them. Exactly once.

    Raises ``ConfigurationError`` for another suffix or compression.
    """

    def __init__(
        self,
        path: str | Path,
        encode: Callable[[Written], pa.RecordBatch],
        existing: Existing = "refuse",
        compression: str = "zstd",
    ) -> None:
        self.path = Path(path)
        if self.path.suffix not in _KINDS:
            raise ConfigurationError(
                f"{self.path} ends with none of {', '.join(_KINDS)}: the suffix says what to write"
            )
        if compression not in _COMPRESSIONS:
            raise ConfigurationError(f"unknown compression {compression!r}; there are: {', '.join(_COMPRESSIONS)}")
        self._encode = encode
        self._existing = existing
        self._compression = compression
        self._name = re.compile(rf"{re.escape(self.path.stem)}-(\d{{6,}}){re.escape(self.path.suffix)}")
        self._last: int | None = None
        self._whole: list[int] = []
        self._writer: Any = None
        self._schema: pa.Schema | None = None
        self._broken = ""

    @property
    def exactly_once(self) -> bool:
        """True."""
        return True

    def part(self, number: int) -> Path:
        """Tell a part's path; the first is number 1."""
        return self.path.with_name(f"{self.path.stem}-{number:06d}{self.path.suffix}")

    def recover(self, place: Place | None) -> None:
        """Remove the parts after a place.

        Raises ``SinkError`` where the last committed part is not as it was, and where parts lie in the way of a first
        start.
        """
        self._abandon()
        self._broken = ""
        with self._guarded():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            there = self._find_parts("")
            self._last = last = self._first_last(there) if place is None else self._placed_last(place)
            for number in there:
                if number > last:
                    self.part(number).unlink()
            for number in self._find_parts("."):
                _unfinished(self.part(number)).unlink()
            flush(self.path.parent)

    def write(self, written: Written) -> None:
        """Append a batch to the part that is being written. Raises ``SinkError``."""
        last = self._check()
        batch = self._encode(written)
        if not batch.num_rows:
            return
        with self._guarded():
            if self._schema is not None and not self._schema.equals(batch.schema):
                self._finish_part()
            if self._writer is None:
                self._whole.append(last + len(self._whole) + 1)
                self._open(_unfinished(self.part(self._whole[-1])), batch.schema)
            self._writer.write_batch(batch)

    def commit(self) -> Place:
        """Put what was written in place; give the number of the last part and its length in bytes."""
        last = self._check()
        with self._guarded():
            self._finish_part()
            for number in self._whole:
                _unfinished(self.part(number)).rename(self.part(number))
            if self._whole:
                flush(self.path.parent)
                self._last = last = self._whole[-1]
                self._whole = []
            length = self.part(last).stat().st_size if last else 0
        return {"path": str(self.path.absolute()), "last": last, "length": length}

    def close(self) -> None:
        """Give back the file; what was not committed is removed."""
        self._abandon()
        self._last = None

    def _open(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        if self.path.suffix == ".parquet":
            self._writer = parquet.ParquetWriter(str(path), schema, compression=self._compression)
        else:
            self._writer = pa.ipc.new_file(str(path), schema)

    def _finish_part(self) -> None:
        if self._writer is None:
            return
        writer, self._writer, self._schema = self._writer, None, None
        writer.close()
        flush(_unfinished(self.part(self._whole[-1])))

    def _abandon(self) -> None:
        """Drop what was not committed."""
        if self._writer is not None:
            with suppress(OSError, pa.ArrowException):
                self._writer.close()
        for number in self._whole:
            with suppress(OSError):
                _unfinished(self.part(number)).unlink()
        self._writer, self._schema, self._whole = None, None, []

    def _find_parts(self, prefix: str) -> list[int]:
        names = (path.name for path in self.path.parent.iterdir())
        found = (self._name.fullmatch(name.removeprefix(prefix)) for name in names if name.startswith(prefix))
        return sorted(int(match[1]) for match in found if match)

    def _first_last(self, there: list[int]) -> int:
        if there and self._existing == "refuse":
            raise SinkError(
                f"{self.part(there[-1])} is there already and there is no state that knows it: name another file, or "
                'allow to append parts or to overwrite them (if_exists = "append" or "overwrite")'
            )
        return there[-1] if there and self._existing == "append" else 0

    def _placed_last(self, place: Place) -> int:
        last, length = place.get("last"), place.get("length")
        if not isinstance(last, int) or not isinstance(length, int):
            raise SinkError(f"the place {dict(place)} is not one of parts: the state belongs to another kind of sink")
        part = self.part(last)
        if last and (not part.is_file() or part.stat().st_size != length):
            what = "was changed" if part.is_file() else "is not there"
            raise SinkError(
                f"{part}, the last part that was committed to {place.get('path')}, {what}: put it back, or begin with "
                "a new state and another file"
            )
        return last

    def _check(self) -> int:
        if self._broken:
            raise SinkError(f"{self.path} is not written any more, since {self._broken}: mend that and start again")
        if self._last is None:
            raise SinkError(f"{self.path} is not open: recover comes before the first write")
        return self._last

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what goes wrong into a ``SinkError``, after which nothing more is written."""
        try:
            with writing(self.path):
                yield
        except SinkError as error:
            self._broken = f"this went wrong: {error}"
            self._abandon()
            raise
        except pa.ArrowException as error:
            self._broken = f"this went wrong: {error}"
            self._abandon()
            raise SinkError(f"{self.path}: the output cannot be written as {self.path.suffix[1:]}: {error}") from error


def find_parts(path: Path) -> list[Path]:
    """List the whole parts beside a path, in their order. Raises ``OSError``."""
    name = re.compile(rf"{re.escape(path.stem)}-(\d{{6,}}){re.escape(path.suffix)}")
    found = [(name.fullmatch(each.name), each) for each in (path.parent.iterdir() if path.parent.is_dir() else ())]
    return [each for _, each in sorted((int(match[1]), each) for match, each in found if match)]


def _unfinished(part: Path) -> Path:
    return part.with_name(f".{part.name}")
