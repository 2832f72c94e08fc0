"""The pipeline of ``serve`` with nothing scored: the same decoding, shuffle, state and output, and a count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark.sql.streaming.stateful_processor import StatefulProcessor

from headrace.core.settings import JoinSettings
from headrace.engines.spark.carriage import KEY, LEAVING_DDL
from headrace.engines.spark.decoding import MessageRouter, RecordDecoder
from headrace.engines.spark.serving import bring_together
from headrace.machinery.parcels import Rows, decode_parcel
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.stateful_processor import StatefulProcessorHandle, TimerValues

    from headrace.abc.codec import Codec


class CountKeyed(StatefulProcessor):
    """Counts rows, and gives a line for each."""

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Name the state."""
        self._count = handle.getValueState("count", "count bigint")

    def handleInputRows(  # noqa: N802 Spark's own names
        self,
        key: Any,
        rows: Iterator[pd.DataFrame],
        timerValues: TimerValues,  # noqa: ARG002, N803
    ) -> Iterator[pd.DataFrame]:
        """Count what a micro-batch brings."""
        known = self._count.get()
        count = 0 if known is None else int(known[0])
        for frame in rows:
            for content in frame["parcel"]:
                parcel = decode_parcel(bytes(content))
                if isinstance(parcel, Rows):
                    offsets = parcel.batch.raw.offsets.tolist()
                    count += len(offsets)
                    lines = [f'{{"offset":{offset},"count":{count}}}' for offset in offsets]
                    yield pd.DataFrame(
                        {"kind": "result", "data_type": key[0], "slot": key[1], "id": None, "key": None, "value": lines}
                    )
        self._count.update((count,))

    def close(self) -> None:
        """Hold nothing."""


def count_records(records: DataFrame, models: DataFrame, codec: Codec) -> DataFrame:
    """Build the pipeline."""
    settings = JoinSettings()
    travelling = bring_together(
        records, models, RecordDecoder(codec, settings, 1), MessageRouter(settings, 1, decode_command)
    )
    keyed = travelling.drop("at").groupBy(*KEY)
    return keyed.transformWithStateInPandas(CountKeyed(), LEAVING_DDL, outputMode="append", timeMode="None")
