"""Jobs that the tests look at, run by the Python of Flink's own environment.

    python program.py PARALLELISM ORDER FILE

serves the same records and models by both joins, in one job on a mini cluster, and writes what came out as JSON lines.
Each data type is a case of its own. ORDER is ``time``, or ``partition``: the same arrivals, a partition at a time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyflink.common import Configuration, Duration, Row, Types, WatermarkStrategy
from pyflink.common.watermark_strategy import TimestampAssigner
from pyflink.datastream import StreamExecutionEnvironment

from headrace.core.settings import JoinSettings, SlotSettings
from headrace.engines.flink import Form, Served, serve_keyed, serve_partitioned
from headrace.loading import LoadOptions
from headrace.records import Command, Descriptor, NoModelPolicy, Publish, Rollback, SlotKey, SwitchMode
from headrace.stores.contents import digest_of
from headrace.testing.scaling import FORMATS, write_scaling
from headrace.wire.descriptor import encode_command
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout

BY_TIME = ("wine", "promoted", "cider")
TYPES = (*BY_TIME, "beer", "mead")
RECORDS, PARTITIONS = 400, 3
LAYOUT = Layout(ByField("kind"), declared=TYPES, id_field="id", time_field="at")
SCHEMA = pa.schema([("id", pa.string()), ("kind", pa.string()), ("at", pa.int64()), ("x", pa.float64())])
CODEC = JsonCodec(LAYOUT, SCHEMA)
OPTIONS = LoadOptions(formats=dict(FORMATS), warm_rows=(1,))
HOLD = NoModelPolicy.HOLD
SETTINGS = JoinSettings(
    slots={
        SlotKey("wine"): SlotSettings(SwitchMode.EVENT_TIME, NoModelPolicy.SKIP),
        SlotKey("promoted"): SlotSettings(SwitchMode.EVENT_TIME, NoModelPolicy.SKIP),
        SlotKey("cider"): SlotSettings(SwitchMode.ORDERED, NoModelPolicy.DEAD_LETTER),
        SlotKey("beer"): SlotSettings(SwitchMode.READY, HOLD),
        SlotKey("mead"): SlotSettings(SwitchMode.READY, HOLD),
    }
)
BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
RECORD = Types.ROW([BYTES, BYTES, Types.STRING(), Types.INT(), Types.LONG()])
MESSAGE = Types.ROW([BYTES, Types.LONG()])


def records(order: str) -> list[Row]:
    """Give the records: of each type one every millisecond, over the partitions by turns, and bad ones between."""
    rows: list[tuple[int, int, bytes]] = []
    for at in range(RECORDS):
        for kind in TYPES if at >= RECORDS - 20 else TYPES[:-1]:
            values = {"id": f"{kind}-{at}", "kind": kind, "at": at, "x": at if at % 50 != 49 else "text"}
            rows.append((at % PARTITIONS, at, json.dumps(values).encode()))
        if at % 100 == 10:
            rows.append((at % PARTITIONS, at, b"nonsense %d" % at))
            rows.append(
                (at % PARTITIONS, at, json.dumps({"id": f"tea-{at}", "kind": "tea", "at": at, "x": 1}).encode())
            )
    numbered, counts = [], [0] * PARTITIONS
    for partition, at, value in rows:
        numbered.append((partition, at, Row(value, None, "records", partition, counts[partition])))
        counts[partition] += 1
    if order == "partition":
        numbered.sort(key=lambda each: -each[0])
    return [row for _, _, row in numbered]


def messages() -> list[tuple[int, Command]]:
    """Give the model stream: the time of each message, and its command."""
    stream: list[tuple[int, Command]] = []
    for kind in TYPES[:-1]:
        stream.append((20, publish(kind, 2)))
        stream.append((100, publish(kind, 3)))
    stream.append((150, publish("wine", content=b"poison")))
    stream.append((180, Publish(Descriptor("unknown", "wine", content=write_scaling(9), digest="0" * 64))))
    stream += [(200, publish(kind, 5)) for kind in BY_TIME]
    stream += [(250, publish("promoted", 7)), (300, Rollback(SlotKey("promoted"), digest_of(write_scaling(5))))]
    return sorted(stream, key=lambda each: each[0])


def publish(kind: str, factor: float = 0, *, content: bytes | None = None) -> Publish:
    """Give a publication of a model that multiplies."""
    return Publish(Descriptor(f"by {factor:g}", kind, content=write_scaling(factor) if content is None else content))


class _Time(TimestampAssigner):
    """Takes the time from where it is written."""

    def __init__(self, times: dict[int, int] | None) -> None:
        self._times = times

    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        if self._times is not None:
            return self._times[value[1]]
        try:
            return int(json.loads(value[0])["at"])
        except ValueError:
            return int(value[0].split()[1])


def run(parallelism: int, order: str) -> Iterator[dict[str, Any]]:
    """Run both joins, and give what came out."""
    configuration = Configuration()
    conf = {"execution.target": "local", "python.fn-execution.bundle.time": "50"}
    for name, value in {**conf, "pipeline.auto-watermark-interval": "5 ms"}.items():
        configuration.set_string(name, value)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    env.set_parallelism(1)  # so that what a source gives keeps its order
    stream = messages()
    slack = Duration.of_millis(0 if order == "time" else RECORDS)
    came = env.from_collection(records(order), RECORD).assign_timestamps_and_watermarks(
        WatermarkStrategy.for_bounded_out_of_orderness(slack).with_timestamp_assigner(_Time(None))
    )
    sent = [Row(encode_command(command), position) for position, (_, command) in enumerate(stream)]
    models = env.from_collection([*sent, Row(b"nonsense", len(sent))], MESSAGE).assign_timestamps_and_watermarks(
        WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(
            _Time(dict(enumerate([*(at for at, _ in stream), RECORDS])))
        )
    )
    env.set_parallelism(parallelism)
    merged = None
    joins: dict[str, Callable[..., Served]] = {"keyed": serve_keyed, "partitioned": serve_partitioned}
    for join, serve in joins.items():
        served = serve(came, models, CODEC, SETTINGS, OPTIONS, form=Form.JSON, batch_records=64, in_child=False,
                       name=join)  # fmt: skip
        for outlet in ("results", "dead_letters", "events"):
            labelled = getattr(served, outlet).map(_label(join, outlet), Types.STRING())
            merged = labelled if merged is None else merged.union(labelled)
    assert merged is not None
    with merged.execute_and_collect() as lines:
        for line in lines:
            yield json.loads(line)


def _label(join: str, outlet: str) -> Any:
    return lambda line: json.dumps({"join": join, "outlet": outlet, **json.loads(line)})


if __name__ == "__main__":
    Path(sys.argv[3]).write_text("".join(json.dumps(line) + "\n" for line in run(int(sys.argv[1]), sys.argv[2])))
