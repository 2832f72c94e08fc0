"""How many wine records a second the codecs decode, and results they write, on one core: ``make bench-wire``.

Each figure is the median of 11 rounds over batches of 10,000 records, by processor time, so that what else runs on the
machine matters less. The goal is that of protobuf; the others are shown beside it.
"""

from __future__ import annotations

import io
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa

from headrace.abc.codec import Codec
from headrace.records import Batch, ModelVersion, Raw, Results, SlotKey
from headrace.wire.avro import AvroCodec
from headrace.wire.csv import CsvCodec
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout
from headrace.wire.protobuf import ProtobufCodec
from headrace.wire.results import encode_csv, encode_json_lines, tabulate
from headrace.wire.wine import FEATURES, MESSAGE, encode_wine

ROWS = 10_000
ROUNDS = 11
GOAL = 2_500_000
LAYOUT = Layout(ByField("dataType"), declared=("wine",))
SCHEMA = pa.schema([*((name, pa.float64()) for name in FEATURES), ("dataType", pa.string())])
AVRO = {
    "type": "record",
    "name": "Wine",
    "fields": [*({"name": name, "type": "double"} for name in FEATURES), {"name": "dataType", "type": "string"}],
}


def main() -> None:
    """Print one line a figure."""
    random_ = random.Random(1)
    wines = [
        {name: random_.choice([0.0, 0.7, 7.4, 11.0, random_.random() * 50]) for name in FEATURES} for _ in range(ROWS)
    ]
    records: list[dict[str, Any]] = [{**wine, "dataType": "wine"} for wine in wines]
    print(f"load: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    measure("protobuf records/s", decoding(ProtobufCodec(MESSAGE, LAYOUT), [encode_wine(wine) for wine in wines]), GOAL)
    names = [*FEATURES, "dataType"]
    lines = [",".join(str(record[name]) for name in names).encode() for record in records]
    measure("csv records/s", decoding(CsvCodec(LAYOUT, names, SCHEMA), lines))
    texts = [json.dumps(record).encode() for record in records]
    measure("json records/s", decoding(JsonCodec(LAYOUT, SCHEMA), texts))
    measure("avro records/s", decoding(AvroCodec(LAYOUT, AVRO), [write_avro(record) for record in records]))
    results = make_results()
    measure("results as table/s", lambda: tabulate(results))
    measure("results as csv/s", lambda: encode_csv(results))
    measure("results as json/s", lambda: encode_json_lines(results))


def decoding(codec: Codec, values: list[bytes]) -> Callable[[], object]:
    """Give what decodes one batch, having checked that nothing fails."""
    raw = Raw("wine", 0, np.arange(len(values)), pa.array(values, pa.binary()))
    batch = codec.decode(raw)
    if batch.failures or [len(group.rows) for group in batch.groups] != [len(values)]:
        raise SystemExit(f"the records do not decode: {batch.failures[:1]}")
    return lambda: codec.decode(raw)


def measure(name: str, run: Callable[[], object], goal: int | None = None) -> None:
    """Take one figure and print its line."""
    run()
    took = []
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        took.append(time.process_time() - start)
    rate = ROWS / statistics.median(took)
    verdict = "" if goal is None else f", goal {goal:,}, {'met' if rate >= goal else 'missed'}"
    print(f"{name}: {rate:,.0f}{verdict}")


def write_avro(record: dict[str, Any]) -> bytes:
    """Write one record without a file around it."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, AVRO, record)
    return stream.getvalue()


def make_results() -> Results:
    """Make a batch of results with two outputs."""
    raw = Raw("wine", 0, np.arange(ROWS), pa.array([b"x"] * ROWS))
    random_ = np.random.default_rng(1)
    outputs = pa.record_batch({"quality": random_.integers(3, 9, ROWS), "probability": random_.random(ROWS)})
    version = ModelVersion("forest", "1", "a" * 64, 1)
    none = np.zeros(ROWS, np.int64)
    return Results(Batch(raw, ()), SlotKey("wine"), np.arange(ROWS), outputs, (version,), none, none + 500, 0)


if __name__ == "__main__":
    main()
