"""One arm in a process of its own: ``python -m benchmarks.flink.job ARM SERVERS RECORDS MODELS OUT ONNX``.

Reads both topics to their end on a mini cluster of one task, and writes a line for each record.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyflink.common import Configuration, Types
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment

from benchmarks.flink.steps import CountRecords, ScoreEach, Wines
from headrace.app.flink.premises import find_connector
from headrace.core.settings import JoinSettings
from headrace.engines.flink import Form, serve_keyed, serve_partitioned
from headrace.engines.flink.gathering import Lanes
from headrace.engines.flink.kafka import Topics
from headrace.engines.flink.manner import BYTES, Manner
from headrace.loading import LoadOptions
from headrace.records import NoModelPolicy
from headrace.wire.descriptor import decode_command

SETTINGS = JoinSettings(no_model=NoModelPolicy.HOLD)
BATCH, DELAY, STEP = 4_096, 50, 100
SERVED: dict[str, Callable[..., Any]] = {"keyed": serve_keyed, "partitioned": serve_partitioned}


def main() -> None:
    """Build and run the job."""
    arm, servers, records, models, out, onnx = sys.argv[1:]
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    conf = Configuration()
    for name, value in {
        "execution.target": "local",
        "parallelism.default": "1",
        "pipeline.jars": find_connector().as_uri(),
        "python.executable": sys.executable,
        "python.fn-execution.bundle.time": str(DELAY),
        "execution.checkpointing.interval": "5 s",
    }.items():
        conf.set_string(name, value)
    env = StreamExecutionEnvironment.get_execution_environment(conf)
    topics = Topics(StreamTableEnvironment.create(env), {"bootstrap.servers": servers})
    came = topics.read_records([records], bounded=True)
    if arm in SERVED:
        lines = _serve(SERVED[arm], came, topics.read_models(models, bounded=True), topics, out)
    elif arm == "counted":
        manner = Manner(SETTINGS, LoadOptions(), Form.JSON, BATCH, DELAY, STEP, True, decode_command)
        lines = came.key_by(Lanes(1), Types.STRING()).process(CountRecords(manner), BYTES)
    else:
        lines = came.map(ScoreEach(Path(onnx).read_bytes()), BYTES)
    topics.write(lines, out, name="out", delivery="at-least-once", prefix=out)
    topics.attach()
    env.execute(arm)


def _serve(serve: Callable[..., Any], came: DataStream, models: DataStream, topics: Topics, out: str) -> DataStream:
    served = serve(
        came, models, Wines(), SETTINGS, form=Form.JSON, batch_records=BATCH, delay_ms=DELAY, step_ms=STEP
    )  # fmt: skip
    topics.write(served.dead_letters, f"{out}-letters", name="letters", delivery="at-least-once", prefix=out)
    results: DataStream = served.results
    return results


if __name__ == "__main__":
    main()
