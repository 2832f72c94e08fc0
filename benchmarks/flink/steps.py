"""The steps of the jobs, imported by Flink's Python workers, whose environment has no scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pyflink.datastream import KeyedProcessFunction, MapFunction

from headrace.engines.flink.gathering import Gathering
from headrace.wire.layout import ByField, Layout
from headrace.wire.protobuf import ProtobufCodec
from headrace.wire.wine import FEATURES, MESSAGE, decode_wine

if TYPE_CHECKING:
    import pyarrow as pa

    from headrace.abc.codec import Codec
    from headrace.engines.flink.manner import Manner
    from headrace.records import Batch, Raw


class Wines:
    """Reads wines; built where it is used, since its descriptors cannot be sent to workers."""

    def decode(self, raw: Raw) -> Batch:
        """Decode a batch."""
        return _open().decode(raw)

    def schema(self, data_type: str) -> pa.Schema | None:
        """Tell the columns of a data type."""
        return _open().schema(data_type)


@cache
def _open() -> Codec:
    return ProtobufCodec(MESSAGE, Layout(ByField("dataType"), declared=("wine",)))


class CountRecords(KeyedProcessFunction):
    """Gathers and decodes records as serving does, counts them, and gives a line for each."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner

    def open(self, runtime_context: Any) -> None:
        """Find the state."""
        self._gathering, self._codec, self._count = Gathering(self._manner, runtime_context), Wines(), 0

    def process_element(self, value: Any, ctx: Any) -> Iterator[bytes]:
        """Take in a record."""
        return self._count_all(self._gathering.add(ctx.get_current_key(), value, ctx))

    def on_timer(self, _: int, ctx: Any) -> Iterator[bytes]:
        """Let a batch go that has waited long enough."""
        return self._count_all(self._gathering.take(ctx.get_current_key()))

    def _count_all(self, raw: Raw | None) -> Iterator[bytes]:
        if raw is not None:
            batch = self._codec.decode(raw)
            self._count += len(batch)
            for offset in batch.raw.offsets.tolist():
                yield b'{"offset":%d,"count":%d}' % (offset, self._count)


class ScoreEach(MapFunction):
    """Decodes and scores record by record with onnxruntime, as a job by hand does."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def open(self, runtime_context: Any) -> None:  # noqa: ARG002 Flink's own signature
        """Open the session."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(self._content, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._outputs = [each.name for each in self._session.get_outputs()]

    def map(self, value: Any) -> bytes:
        """Score a record."""
        features, _ = decode_wine(value[0])
        row = np.array([[features[name] for name in FEATURES]], np.float32)
        label, shares = self._session.run(self._outputs, {self._input: row})
        return json.dumps({"offset": value[4], "quality": int(label[0]), "probabilities": shares[0].tolist()}).encode()
