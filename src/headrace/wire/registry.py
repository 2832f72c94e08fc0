"""Records in the framing of Confluent's schema registry: a zero byte, the schema's id in four bytes, the record.

With protobuf the message's place within its schema comes between: a count as zigzag varint, then so many indexes; the
first message, [0], is written as the count 0 alone. The registry itself is not asked: records are read by the schema
that is configured, of which theirs has to be a compatible version. The framing is Confluent's wire format.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.records import Failure
from headrace.wire.failures import Code
from headrace.wire.protobuf.slices import Slices

if TYPE_CHECKING:
    from headrace.abc.codec import Codec
    from headrace.records import Batch, Int64Array, Raw

_MAGIC = 0
_HEADER = 5
_LONGEST = 10


class RegistryCodec:
    """Takes the framing off and has another codec decode the records; ``indexed``: they are protobuf messages.

    Dead letters keep the bytes with their framing.
    """

    def __init__(self, codec: Codec, *, indexed: bool) -> None:
        self._codec, self._indexed = codec, indexed

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the columns of a data type."""
        return self._codec.schema(data_type)

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch; a record without the framing is a failure "undecodable"."""
        if raw.values is None or not len(raw):
            return self._codec.decode(raw)
        bare, unframed = self._strip(raw.values)
        batch = self._codec.decode(replace(raw, values=bare))
        failures = batch.failures
        if unframed:
            failures = tuple(
                Failure(each.row, Code.UNDECODABLE, unframed[each.row]) if each.row in unframed else each
                for each in failures
            )
        return replace(batch, raw=replace(batch.raw, values=raw.values), failures=failures)

    def _strip(self, values: pa.Array) -> tuple[pa.Array, dict[int, str]]:
        """Give the records without their framing, null where there is none, and what is wrong with those."""
        slices = Slices.of(values)
        skipped = _HEADER + self._indexed
        there = values.is_valid().to_numpy(zero_copy_only=False)
        lengths = slices.ends - slices.starts
        long = lengths >= skipped
        good = long & there
        good[good] = slices.data[slices.starts[good]] == _MAGIC
        if self._indexed:
            good[good] = slices.data[slices.starts[good] + _HEADER] == 0
        bare = _cut(slices, np.minimum(skipped, lengths), values)
        if (good | ~there).all():
            return bare, {}
        wrong: dict[int, str] = {}
        records = bare.to_pylist()
        for row in np.flatnonzero(~good & there).tolist():
            value = values[row].as_py()
            records[row], reason = _strip_one(value, indexed=self._indexed)
            if reason:
                wrong[row] = reason
        return pa.array(records, pa.binary()), wrong


def _cut(slices: Slices, skipped: Int64Array, values: pa.Array) -> pa.Array:
    """Leave the first bytes of each value out, in one pass over all of them."""
    data = slices.data[slices.starts[0] : slices.ends[-1]]
    starts = slices.starts - slices.starts[0]
    kept = np.ones(len(data), np.bool_)
    for place in range(int(skipped.max(initial=0))):
        kept[starts[skipped > place] + place] = False
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(slices.ends - slices.starts - skipped, out=offsets[1:])
    cut = pa.Array.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(data[kept])])
    return pc.if_else(values.is_valid(), cut, pa.scalar(None, pa.binary())) if values.null_count else cut


def _strip_one(value: bytes, *, indexed: bool) -> tuple[bytes | None, str]:
    if len(value) < _HEADER or value[0] != _MAGIC:
        shown = value[:_HEADER].hex(" ")
        return None, f"the {len(value)} bytes ({shown} ...) do not begin as the schema registry's framing does: 00"
    if not indexed:
        return value[_HEADER:], ""
    count, place = _read_varint(value, _HEADER)
    for _ in range(max(0, count)):
        if place < 0:
            break
        _, place = _read_varint(value, place)
    if place < 0 or count < 0:
        return None, "the message indexes of the schema registry's framing are cut off"
    return value[place:], ""


def _read_varint(value: bytes, place: int) -> tuple[int, int]:
    """Read a zigzag varint; gives it and the place behind it, -1 where it is cut off."""
    number = 0
    for index, byte in enumerate(value[place : place + _LONGEST]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), place + index + 1
    return -1, -1
