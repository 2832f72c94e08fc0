"""Where records begin and end in a block of bytes. Pure: bytes in, places out.

1. A block begins at a record. What is left after the last whole record is given back as not used; with ``last`` there
   is nothing to come, and the rest is a record too.
2. An empty line is a record of no bytes: a codec judges records, framing does not.
3. A line ends with LF or CR LF; a CR elsewhere is part of the record.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    Places = npt.NDArray[np.int32]

_LF, _CR = 10, 13
_LONGEST_VARINT = 63


@dataclass(frozen=True, slots=True, eq=False)
class Framed:
    """Where the records of a block are; ``used`` bytes of it are done with."""

    starts: Places
    ends: Places
    used: int

    def __len__(self) -> int:
        return len(self.starts)


Frame = Callable[[bytes, bool], Framed]


def cut_values(block: bytes, framed: Framed) -> pa.Array:
    """Cut the records out of a block, as Arrow binary and without an object for each."""
    # The block is read as an array whose elements are by turns what lies between records and a record: no byte is
    # looked at, and Arrow copies the elements at the odd places.
    bounds = np.empty(2 * len(framed) + 1, np.int32)
    bounds[0] = 0
    bounds[1::2] = framed.starts
    bounds[2::2] = framed.ends
    both = pa.Array.from_buffers(pa.binary(), 2 * len(framed), [None, pa.py_buffer(bounds), pa.py_buffer(block)])
    return both.take(pa.array(np.arange(1, 2 * len(framed), 2, dtype=np.int32)))


def frame_lines(block: bytes, last: bool) -> Framed:
    """Find lines."""
    line_ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _LF)
    return _between(block, line_ends, last)


def _between(block: bytes, line_ends: npt.NDArray[np.int64], last: bool) -> Framed:
    """Frame what lies between line ends, given the places of their LF."""
    used = int(line_ends[-1]) + 1 if len(line_ends) else 0
    starts = np.concatenate(([0], line_ends[:-1] + 1)) if len(line_ends) else line_ends
    ends = line_ends
    if last and used < len(block):
        starts, ends, used = np.append(starts, used), np.append(ends, len(block)), len(block)
    if b"\r" in block:
        before = np.frombuffer(block, np.uint8)[np.maximum(ends - 1, 0)]
        ends = ends - ((before == _CR) & (ends > starts))
    return Framed(starts.astype(np.int32), ends.astype(np.int32), used)


def frame_csv(delimiter: str, quote: str) -> Frame:
    """Make a function that finds the records of CSV, in which a line end within quotes is part of a cell.

    A quote opens only at the beginning of a cell, and two of them within quotes are one character of the cell (RFC
    4180); elsewhere it is an ordinary character.
    """
    mark, limit = ord(quote), ord(delimiter)
    tokens = re.compile(b"\n|" + re.escape(quote.encode()))

    def frame(block: bytes, last: bool) -> Framed:
        content = np.frombuffer(block, np.uint8)
        quotes = np.flatnonzero(content == mark)
        line_ends = np.flatnonzero(content == _LF)
        before = content[quotes[::2] - 1]
        opens = (before == limit) | (before == _LF) | (before == mark) | (quotes[::2] == 0)
        if opens.all():
            # Every second quote opens: a line end is outside where an even number of them lies before it.
            outside = np.searchsorted(quotes, line_ends) % 2 == 0
            return _between(block, line_ends[outside], last)
        return _between(block, _walk_csv(block, tokens, mark, limit), last)

    return frame


def _walk_csv(block: bytes, tokens: re.Pattern[bytes], mark: int, limit: int) -> npt.NDArray[np.int64]:
    """Find the line ends of CSV, one quote after the other: for text in which quotes are also ordinary characters."""
    line_ends: list[int] = []
    quoted = False
    closed_at = -1
    for token in tokens.finditer(block):
        place = token.start()
        if block[place] != mark:
            if not quoted:
                line_ends.append(place)
        elif quoted:
            quoted, closed_at = False, place
        else:
            quoted = place == 0 or block[place - 1] in {limit, _LF} or closed_at == place - 1
    return np.array(line_ends, np.int64)


def frame_delimited(block: bytes, last: bool) -> Framed:
    """Find protobuf messages that each follow their length, a varint, as ``writeDelimitedTo`` writes them.

    With ``last``, a message that is cut short is a record from its length on, which is no message.
    """
    starts: list[int] = []
    ends: list[int] = []
    used = place = 0
    size = len(block)
    while place < size:
        length = block[place]
        place += 1
        if length > 127:
            length &= 127
            shift = 7
            while place < size and shift < _LONGEST_VARINT:
                part = block[place]
                place += 1
                length |= (part & 127) << shift
                shift += 7
                if part < 128:
                    break
            else:
                break
        starts.append(place)
        place += length
        if place > size:
            starts.pop()
            break
        ends.append(place)
        used = place
    if last and used < size:
        starts.append(used)
        ends.append(size)
        used = size
    return Framed(np.array(starts, np.int32), np.array(ends, np.int32), used)
