"""Quix Streams with onnxruntime, a record at a time; runs in an environment of its own, ``.venv-quix``.

``python quix_loop.py BOOTSTRAP TOPIC RESULTS|- COUNT MODEL``: prints records a second over the second half.
"""

from __future__ import annotations

import importlib.util
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from quixstreams import Application
from quixstreams.models.serializers.protobuf import ProtobufDeserializer

PROTO = Path(__file__).parents[3] / "src/headrace/wire/proto/wine_pb2.py"


def open_message() -> Any:
    """Load the generated message from its file: Headrace itself is not in this environment."""
    spec = importlib.util.spec_from_file_location("wine_pb2", PROTO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WineRecord


def main() -> None:
    """Score a topic."""
    bootstrap, topic, results, total, path = sys.argv[1:]
    message, count = open_message(), int(total)
    names = [field.name for field in message.DESCRIPTOR.fields][:-1]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (given,), wanted = session.get_inputs(), [session.get_outputs()[0].name]
    seen, half = 0, 0.0

    def score(wine: Any) -> float:
        nonlocal seen, half
        row = np.array([[getattr(wine, name) for name in names]], np.float32)
        quality = float(session.run(wanted, {given.name: row})[0][0])
        seen += 1
        if seen == count // 2:
            half = time.perf_counter()
        return quality

    application = Application(
        broker_address=bootstrap, consumer_group=uuid.uuid4().hex, auto_offset_reset="earliest", loglevel="ERROR"
    )
    wines = application.topic(topic, value_deserializer=ProtobufDeserializer(message, to_dict=False))
    frame = application.dataframe(wines).apply(score)
    if results != "-":
        frame = frame.to_topic(application.topic(results, value_serializer="double"))
    application.run(count=count)
    print((seen - count // 2) / (time.perf_counter() - half), flush=True)


if __name__ == "__main__":
    main()
