"""Dead letters as JSON lines and as a table, and back: each says why, and holds the record as it came.

``original`` is the record's bytes (base64 in JSON); a record of a source of columns has ``row`` instead, its fields
as a JSON object, and a record without a value has neither. ``key`` (base64) and ``timestamp`` (milliseconds) are the
source's, so that a letter can be sent again as it was. ``slot`` is null where the record addressed none, and what is
said of a model is null where none was involved.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from headrace.errors import RecordError
from headrace.records import ModelVersion, SlotKey
from headrace.wire import jsontext
from headrace.wire.results.table import identify

if TYPE_CHECKING:
    from headrace.records import DeadLetters, Failure, Raw

SPARE = 2_048
"""Bytes of a message of Kafka that are not its value's and key's: headers, and Kafka's own."""

LARGEST = 1_000_000 - SPARE
"""Bytes of key and value that a message holds where client and topic are as they come."""

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("data_type", pa.string()),
        ("slot", pa.string()),
        ("code", pa.string()),
        ("reason", pa.string()),
        ("model", pa.string()),
        ("version", pa.string()),
        ("digest", pa.string()),
        ("position", pa.int64()),
        ("timestamp", pa.int64()),
        ("key", pa.binary()),
        ("original", pa.binary()),
        ("row", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that could not be scored, as it came, and why."""

    id: str
    source: str
    partition: int
    offset: int
    slot: SlotKey | None
    code: str
    reason: str
    version: ModelVersion | None
    timestamp: int | None
    key: bytes | None
    original: bytes | None
    row: Mapping[str, object] | None


def encode_dead_letters(letters: DeadLetters) -> bytes:
    """Write dead letters as JSON lines, each ended by a line feed."""
    return "".join(f"{jsontext.write(members)}\n" for members in _describe(letters)).encode()


def encode_messages(letters: DeadLetters, most: int = LARGEST) -> list[tuple[bytes | None, bytes]]:
    """Write dead letters as pairs of the record's key and a line without its line feed.

    Where the two have more than ``most`` bytes they go without what the record held, as of ``leave_out``.
    """
    keys = letters.batch.raw.keys
    messages: list[tuple[bytes | None, bytes]] = []
    for failure, line in zip(letters.failures, encode_dead_letters(letters).splitlines(), strict=True):
        key = None if keys is None else keys[failure.row].as_py()
        if len(key or b"") + len(line) > most:
            key, line = None, encode_dead_letters(leave_out(letters, failure)).rstrip()  # noqa: PLW2901
        messages.append((key, line))
    return messages


def leave_out(letters: DeadLetters, failure: Failure) -> DeadLetters:
    """Give one letter without what the record held: its reason says where that is."""
    raw = letters.batch.raw
    where = f"{raw.source}, partition {raw.partition}, offset {raw.offsets[failure.row]}"
    reason = f"{failure.reason[:SPARE]} (too large for a dead letter: the record is at {where})"
    bare = replace(letters.batch, raw=replace(raw, values=None, table=None, keys=None))
    return replace(letters, batch=bare, failures=(replace(failure, reason=reason),))


def tabulate_dead_letters(letters: DeadLetters) -> pa.RecordBatch:
    """Make a table of dead letters; ``row`` is JSON as text."""
    records = list(_describe(letters))
    for record in records:
        record["row"] = None if record["row"] is None else jsontext.write(record["row"])
    columns = [pa.array([record[field.name] for record in records], field.type) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def decode_dead_letter(line: bytes | str) -> DeadLetter:
    """Read a line that ``encode_dead_letters`` wrote.

    Raises ``RecordError`` for a line that is none.
    """
    try:
        members: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        data_type, slot = members["data_type"], members["slot"]
        version = [members[name] for name in ("model", "version", "digest", "position")]
        return msgspec.convert(
            {
                **{name: members[name] for name in ("id", "source", "partition", "offset", "code", "reason")},
                "slot": None if data_type is None else SlotKey(data_type, slot or ""),
                "version": None if version[-1] is None else ModelVersion(*version),
                "timestamp": members["timestamp"],
                "key": _from_base64(members["key"]),
                "original": _from_base64(members["original"]),
                "row": members["row"],
            },
            DeadLetter,
        )
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, RecursionError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise RecordError(f"not a dead letter that Headrace wrote ({why}): name the file of [dead_letters]") from error


def _from_base64(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)


def _describe(letters: DeadLetters) -> Iterator[dict[str, Any]]:
    """Give the fields of each letter, bytes as bytes."""
    raw, slot, version = letters.batch.raw, letters.slot, letters.version
    rows = np.array([failure.row for failure in letters.failures], np.int64)
    ids = identify(letters.batch, rows).to_pylist()
    for id_, failure in zip(ids, letters.failures, strict=True):
        original = None if raw.values is None else raw.values[failure.row].as_py()
        yield {
            "id": id_,
            "source": raw.source,
            "partition": raw.partition,
            "offset": int(raw.offsets[failure.row]),
            "data_type": None if slot is None else slot.data_type,
            "slot": None if slot is None else slot.name,
            "code": failure.code,
            "reason": failure.reason,
            "model": None if version is None else version.name,
            "version": None if version is None else version.version,
            "digest": None if version is None else version.digest,
            "position": None if version is None else version.position,
            "timestamp": None if raw.timestamps is None else int(raw.timestamps[failure.row]),
            "key": None if raw.keys is None else raw.keys[failure.row].as_py(),
            "original": original,
            "row": _read_row(raw, failure.row) if original is None else None,
        }


def _read_row(raw: Raw, row: int) -> dict[str, Any] | None:
    if raw.table is None:
        return None
    names, columns = raw.table.schema.names, raw.table.columns
    return {name: _read_value(column[row]) for name, column in zip(names, columns, strict=True)}


def _read_value(value: pa.Scalar) -> Any:
    """Read a value of a column; one that Python has no type for is its text, a time of nanoseconds as ISO 8601."""
    if value.is_valid and pa.types.is_timestamp(value.type) and value.type.unit == "ns":
        # Arrow would give pandas' type where pandas is installed, and fail where it is not.
        return str(value.cast(pa.string()).as_py()).replace(" ", "T")
    try:
        return jsontext.to_plain(value.as_py())
    except (ValueError, OverflowError, TypeError):
        return str(value.cast(pa.string()).as_py())
