"""Many messages of one type to columns: by the compiled walk, and by protobuf itself for what that leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from headrace.wire.protobuf.reading import Reader
from headrace.wire.protobuf.walking import Walker

if TYPE_CHECKING:
    from headrace.records import Int64Array
    from headrace.wire.protobuf.schema import MessageSchema
    from headrace.wire.protobuf.slices import Slices


class Decoder:
    """Decodes messages of one type."""

    def __init__(self, schema: MessageSchema) -> None:
        self._reader = Reader(schema)
        self._walker = Walker(schema) if Walker.covers(schema) else None

    def decode(self, messages: Slices) -> tuple[list[pa.Array], dict[int, str]]:
        """Decode messages; one that fails is null everywhere, with what is wrong by position."""
        if self._walker is None:
            return self._reader.read([messages[position] for position in range(len(messages))])
        walked = self._walker.walk(messages)
        if not walked.marked.any():
            return walked.columns, {}
        marked = np.flatnonzero(walked.marked)
        columns, wrong = self._reader.read([messages[int(position)] for position in marked])
        patched = replace(walked.columns, columns, marked)
        return patched, {int(marked[position]): reason for position, reason in wrong.items()}


def replace(columns: Sequence[pa.Array], others: Sequence[pa.Array], positions: Int64Array) -> list[pa.Array]:
    """Put other values at positions."""
    if not columns or not len(positions):
        return list(columns or others)
    places = np.arange(len(columns[0]))
    places[positions] = len(places) + np.arange(len(positions))
    taken = pa.array(places)
    return [pa.concat_arrays(pair).take(taken) for pair in zip(columns, others, strict=True)]
