"""The first step: what travels, to which salt, and when."""

from __future__ import annotations

import pyarrow as pa
import pytest

from headrace.core.settings import JoinSettings
from headrace.engines.spark.decoding import RecordDecoder
from tests.engines.spark.rig import CODEC, record


def read(values: list[bytes], partitions: list[int]) -> pa.RecordBatch:
    """Give records as they come from Kafka's source."""
    count = len(values)
    columns = {
        "value": pa.array(values, pa.binary()),
        "key": pa.nulls(count, pa.binary()),
        "source": pa.array(["wines"] * count),
        "partition": pa.array(partitions, pa.int32()),
        "offset": pa.array(range(count), pa.int64()),
        "at": pa.nulls(count, pa.int64()),
    }
    return pa.record_batch(columns)


@pytest.mark.parametrize(("salts", "partitions"), [(2, 2), (2, 4), (4, 4), (4, 8), (3, 8)])
def test_neighbouring_partitions_have_salts_of_their_own(salts: int, partitions: int) -> None:
    values = [record(number) if number % 2 else b"nonsense" for number in range(partitions)]
    decoder = RecordDecoder(CODEC, JoinSettings(), salts)
    found = [
        row["salt"]
        for each in decoder.decode(iter([read(values, list(range(partitions)))]))
        for row in each.to_pylist()
    ]
    assert [partition % salts for partition in range(partitions)] == found
