"""Avro's object container files, by fastavro (extra ``avro``).

Values are the records in Avro's binary encoding, without a schema, as they lie in the file; the header is the schema
they were written with. So a codec sees the branches of a union, and a dead letter has its original bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace.errors import ConfigurationError, MissingExtraError, SourceError
from headrace.transports.opening import check_file, is_compressed, reading


class AvroReader:
    """Gives the records of a container, block by block."""

    def __init__(self, path: Path) -> None:
        self.ended = False
        self._path = path
        self._avro = _load_fastavro()
        self._file = path.open("rb")
        try:
            with _sound(path):
                blocks = self._avro.block_reader(self._file)
                self.header: Any = blocks.writer_schema
                self._schema = self._avro.parse_schema(self.header)
        except SourceError:
            self._file.close()
            raise
        self._blocks: Iterator[Any] = iter(blocks)
        self._values = pa.array([], pa.binary())

    def read(self, most: int) -> pa.Array | None:
        """Give up to ``most`` records, None at the end."""
        while not len(self._values):
            block = self._next_block()
            if block is None:
                return None
            self._values = self._split(block)
        values, self._values = self._values.slice(0, most), self._values.slice(most)
        return values

    def skip(self, count: int) -> int:
        """Pass over records; gives how many there were. Called before the first ``read``."""
        passed = 0
        while passed < count and (block := self._next_block()) is not None:
            if passed + block.num_records > count:
                self._values = self._split(block).slice(count - passed)
                return count
            passed += block.num_records
        return passed

    def close(self) -> None:
        """Give back the file."""
        self._file.close()

    def _next_block(self) -> Any:
        with _sound(self._path):
            block = next(self._blocks, None)
        self.ended = block is None
        return block

    def _split(self, block: Any) -> pa.Array:
        """Find where a block's records end by decoding them: nothing in the file tells."""
        content = block.bytes_.getvalue()
        records = io.BytesIO(content)
        bounds = [0]
        with _sound(self._path):
            for _ in range(block.num_records):
                self._avro.schemaless_reader(records, self._schema)
                bounds.append(records.tell())
        offsets = pa.array(bounds, pa.int32()).buffers()[1]
        return pa.Array.from_buffers(pa.binary(), block.num_records, [None, offsets, pa.py_buffer(content)])


@dataclass(frozen=True, slots=True)
class Avro:
    """Avro's object container, with the compressions that fastavro has packages for."""

    def open(self, path: Path, *, follow: bool) -> AvroReader:
        """Open one file. Raises ``MissingExtraError`` where fastavro is not installed."""
        if follow:
            raise ConfigurationError(
                f"{path} cannot be followed: only lines, csv and delimited files grow by records; set follow to false"
            )
        with reading(path):
            check_file(path)
            if is_compressed(path):
                raise SourceError(f"{path} is compressed as a whole, and its kind compresses within: unpack it")
            return AvroReader(path)


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    # fastavro raises whatever its decoding meets: EOFError, KeyError, struct.error and more.
    try:
        yield
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise SourceError(f"{path} cannot be read, it is damaged or not Avro: {reason}") from error


def _load_fastavro() -> Any:
    try:
        import fastavro
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "reading Avro files needs the package 'fastavro', which is not installed: pip install 'headrace[avro]'"
        ) from error
    return fastavro
