"""Many messages within one buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from headrace.records import Int64Array


@dataclass(frozen=True, slots=True, eq=False)
class Slices:
    """Messages within one buffer: message i is ``data[starts[i]:ends[i]]``."""

    data: npt.NDArray[np.uint8]
    starts: Int64Array
    ends: Int64Array

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, position: int) -> bytes:
        return self.data[self.starts[position] : self.ends[position]].tobytes()

    def take(self, positions: Int64Array) -> Slices:
        """Give the messages at positions."""
        return Slices(self.data, self.starts[positions], self.ends[positions])

    @classmethod
    def of(cls, values: pa.Array) -> Slices:
        """Look at the buffers of a binary column without nulls; nothing is copied."""
        if not (pa.types.is_binary(values.type) or pa.types.is_string(values.type)):
            values = values.cast(pa.binary())
        _, offset_buffer, data_buffer = values.buffers()
        if not len(values):
            return cls(np.zeros(0, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64))
        counted = np.frombuffer(offset_buffer, np.int32)
        offsets = counted[values.offset : values.offset + len(values) + 1].astype(np.int64)
        data = np.zeros(0, np.uint8) if data_buffer is None else np.frombuffer(data_buffer, np.uint8)
        return cls(data, offsets[:-1], offsets[1:])
