"""A model topic of Kafka in Spark: models that are larger than a message come in parts, and are put together here.

Parts precede the publication that names their digest, and are held in the state until it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark.sql.streaming.stateful_processor import StatefulProcessor

from headrace.machinery.assembling import fill, read_unfilled
from headrace.transports.kafka.parts import decode_part_key

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.stateful_processor import StatefulProcessorHandle, TimerValues

_HELD = ("source", "partition")
_WHOLE = "source string, partition int, offset bigint, at bigint, value binary"


def put_together(messages: DataFrame) -> DataFrame:
    """Give whole messages: their columns but the key, which only parts need."""
    return messages.groupBy(*_HELD).transformWithStateInPandas(
        _PutTogether(), _WHOLE, outputMode="append", timeMode="None"
    )


class _PutTogether(StatefulProcessor):
    """Messages and parts of one partition to whole messages."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Name the state."""
        self._parts = handle.getListState("parts", "name binary, part binary")

    def handleInputRows(  # noqa: N802 Spark's own names
        self,
        key: Any,
        rows: Iterator[pd.DataFrame],
        timerValues: TimerValues,  # noqa: ARG002, N803
    ) -> Iterator[pd.DataFrame]:
        """Hold parts, and give messages, in the order of their offsets; a tombstone is neither."""
        frames = [frame[["offset", "at", "key", "value"]] for frame in rows]
        whole = []
        for offset, at, name, value in sorted(
            (row for frame in frames for row in frame.itertuples(index=False, name=None)), key=lambda row: int(row[0])
        ):
            if value is None:
                continue
            if decode_part_key(name) is not None:
                self._parts.appendValue((name, value))
            else:
                whole.append((*key, offset, at, self._fill(value)))
        if whole:
            yield pd.DataFrame(whole, columns=["source", "partition", "offset", "at", "value"])

    def close(self) -> None:
        """Hold nothing."""

    def _fill(self, message: bytes) -> bytes:
        unfilled = read_unfilled(message)
        if unfilled is None:
            return message
        filled = fill(unfilled, ((bytes(name), bytes(part)) for name, part in self._parts.get()))
        if filled is None:
            return message
        message, left = filled
        if left:
            self._parts.put(left)
        else:
            self._parts.clear()
        return message
