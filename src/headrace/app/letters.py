"""Dead letters out of the files that an engine has written, and back into a file of records.

Rules of sending again:

1. A record is sent once, however many slots could not score it, as the bytes that it came as.
2. The file is added to, never rewritten: what it holds must be the beginning of what is to be in it, so that doing it
   twice sends nothing twice, and one that was interrupted is completed.
3. A record that came from that very file and failed again is not sent to it once more.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
from pyarrow import parquet

from headrace.errors import RecordError, SinkError, SourceError
from headrace.protofields import write_varint
from headrace.records import ModelVersion, SlotKey
from headrace.wire import jsontext
from headrace.wire.dead_letters import DeadLetter, decode_dead_letter

Framing = Literal["lines", "delimited"]

_BLOCK = 2**18
_TAIL = 2**24
"""Bytes from the end of a file that are looked through for its last letters."""


def read_letters(path: Path) -> Iterator[DeadLetter]:
    """Read dead letters: JSON lines, or Parquet or Arrow parts by the path that the configuration names.

    A last line without its end is still being written and is left out. Raises ``SourceError``.
    """
    if path.suffix in {".parquet", ".arrow"}:
        for part in _find_parts(path):
            yield from _read_part(part)
        return
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield _decode(path, number, line)
    except OSError as error:
        raise SourceError(f"the dead letters {path} cannot be read: {error.strerror}") from error


def describe_letter(letter: DeadLetter, shown: Mapping[str, object]) -> dict[str, object]:
    """Give a dead letter as JSON values; ``shown`` is what is told of its record besides, and stands before the row."""
    version = letter.version
    return {
        "id": letter.id,
        "source": letter.source,
        "partition": letter.partition,
        "offset": letter.offset,
        "data_type": None if letter.slot is None else letter.slot.data_type,
        "slot": None if letter.slot is None else letter.slot.name,
        "code": letter.code,
        "reason": letter.reason,
        "model": None if version is None else version.name,
        "version": None if version is None else version.version,
        **shown,
        "row": letter.row,
    }


def read_last_letters(path: Path, most: int) -> list[DeadLetter]:
    """Read the last letters of an engine that may be writing them, newest first. Raises ``SourceError``."""
    if most < 1 or (path.suffix not in {".parquet", ".arrow"} and not path.exists()):
        return []
    if path.suffix in {".parquet", ".arrow"}:
        found: list[DeadLetter] = []
        for part in reversed(_find_parts(path)):
            found += list(_read_part(part))[::-1]
            if len(found) >= most:
                break
        return found[:most]
    lines = _read_last_lines(path, most)
    return [_decode(path, 0, line) for line in reversed(lines)]


def _read_last_lines(path: Path, most: int) -> list[bytes]:
    """Read whole lines from the end of a file, in their order, block by block."""
    content = b""
    try:
        with path.open("rb") as file:
            place = file.seek(0, os.SEEK_END)
            while place and content.count(b"\n") <= most and len(content) < _TAIL:
                start = max(0, place - _BLOCK)
                file.seek(start)
                content = file.read(place - start) + content
                place = start
    except OSError as error:
        raise SourceError(f"the dead letters {path} cannot be read: {error.strerror}") from error
    lines = content.splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n")]
    return (whole if not place else whole[1:])[-most:]


def _decode(path: Path, number: int, line: bytes) -> DeadLetter:
    try:
        return decode_dead_letter(line)
    except RecordError as error:
        raise SourceError(f"{path}, line {number}: {error}") from error


def _find_parts(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    pattern = f"{glob.escape(path.stem)}-" + "[0-9]" * 6 + path.suffix
    parts = sorted(path.parent.glob(pattern)) if path.parent.is_dir() else []
    if not parts:
        raise SourceError(f"the dead letters {path} are not there, nor parts such as {path.stem}-000001{path.suffix}")
    return parts


def _read_part(part: Path) -> Iterator[DeadLetter]:
    try:
        table = parquet.read_table(part) if part.suffix == ".parquet" else pa.ipc.open_file(str(part)).read_all()
        for row in table.to_pylist():
            yield _from_row(row)
    except (OSError, pa.ArrowException, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise SourceError(f"{part} is no file of dead letters, or it is damaged: {error}") from error


def _from_row(row: Mapping[str, Any]) -> DeadLetter:
    version = [row[name] for name in ("model", "version", "digest", "position")]
    return DeadLetter(
        **{name: row[name] for name in ("id", "source", "partition", "offset", "code", "reason", "timestamp", "key")},
        slot=None if row["data_type"] is None else SlotKey(row["data_type"], row["slot"] or ""),
        version=None if version[-1] is None else ModelVersion(*version),
        original=row["original"],
        row=None if row["row"] is None else msgspec.json.decode(row["row"], type=dict[str, Any]),
    )


@dataclass(frozen=True, slots=True)
class Resent:
    """What sending again did: records in the file now, those of them that are new, and letters without a record."""

    records: int
    added: int
    without: int


def resend(letters: Iterable[DeadLetter], to: Path, framing: Framing, header: bytes = b"") -> Resent:
    """Write the records of letters to a file, each in its original bytes; ``header`` is the first line of CSV.

    Raises ``SinkError`` where the file holds something else, and ``SourceError`` for a record that does not fit the
    framing.
    """
    records, without = _collect(letters, to)
    there = _read(to)
    place = 0
    added = 0
    pieces: list[bytes] = []
    framed = ([header + b"\n"] if header else []) + [_frame(record, framing) for record in records]
    for number, piece in enumerate(framed):
        known = there[place : place + len(piece)]
        if not piece.startswith(known):
            raise SinkError(
                f"{to} holds something else than the records to be sent again (byte {place}): name a file of its own"
            )
        place += len(piece)
        if len(known) < len(piece):
            pieces.append(piece[len(known) :])
            added += not (header and number == 0)
    if len(there) > place:
        raise SinkError(f"{to} holds more than the records to be sent again: name a file of its own")
    if pieces:
        _append(to, b"".join(pieces))
    return Resent(len(records), added, without)


def _collect(letters: Iterable[DeadLetter], to: Path) -> tuple[list[bytes], int]:
    """Give the records in the order of their letters, each once, and count the letters that hold none."""
    seen: set[tuple[str, int, int]] = set()
    records: list[bytes] = []
    without = 0
    for letter in letters:
        place = (letter.source, letter.partition, letter.offset)
        if place in seen or letter.source == to.name:
            continue
        seen.add(place)
        if letter.original is not None:
            records.append(letter.original)
        elif letter.row is not None:
            records.append(jsontext.write(letter.row).encode())
        else:
            without += 1
    return records, without


def _frame(record: bytes, framing: Framing) -> bytes:
    if framing == "delimited":
        return write_varint(len(record)) + record
    if b"\n" in record and not record.count(b'"'):
        raise SourceError(
            f"a record of {len(record)} bytes holds a line feed, so it is no line: send it with --framing delimited"
        )
    return record + b"\n"


def _read(to: Path) -> bytes:
    try:
        return to.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise SinkError(f"{to} cannot be read: {error.strerror}") from error


def _append(to: Path, content: bytes) -> None:
    try:
        with to.open("ab") as file:
            file.write(content)
    except OSError as error:
        raise SinkError(f"{to} cannot be written: {error.strerror}") from error
