"""The ONNX format: bytes to a model, by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from headrace.abc.model import Model, Prepared
from headrace.errors import ConfigurationError, LimitError, ModelFormatError, UnsupportedError
from headrace.feeding import Feeder, make_feeds
from headrace.formats.onnx.model import OnnxModel
from headrace.formats.onnx.ports import Ports, read_ports
from headrace.formats.onnx.session import SessionSettings, explain, open_session
from headrace.formats.onnx.wire import has_external_data, looks_like_model
from headrace.formats.onnx.zipmap import unzip
from headrace.protofields import WireError


class OnnxFormat:
    """ONNX models of the opsets that the installed onnxruntime knows.

    ``intra_op_threads`` and ``inter_op_threads`` are those of each session; ``providers`` are onnxruntime's, in order
    of preference. Raises ``ConfigurationError`` for a provider that is not there.
    """

    name = "onnx"

    def __init__(
        self,
        intra_op_threads: int = 1,
        inter_op_threads: int = 1,
        providers: Sequence[str] = ("CPUExecutionProvider",),
    ) -> None:
        if intra_op_threads < 0 or inter_op_threads < 0:
            raise ConfigurationError("a number of threads is 0 (as many as onnxruntime likes) or more")
        self._settings = SessionSettings(intra_op_threads, inter_op_threads, tuple(providers))

    def recognises(self, content: bytes) -> bool:
        """Tell from the top of the bytes whether this may be an ONNX model."""
        return looks_like_model(content)

    def prepare(self, content: bytes) -> Prepared:
        """Check the bytes and make a session once, to read the signature.

        Raises ``ModelFormatError``, ``UnsupportedError`` or ``LimitError``.
        """
        if not looks_like_model(content):
            raise ModelFormatError(f"not an ONNX model: it starts with {content[:16]!r} and names no graph")
        try:
            outside = has_external_data(content)
            content, tables = unzip(content)
        except WireError as error:
            raise ModelFormatError(f"not a sound ONNX model: {error}") from error
        if outside:
            raise UnsupportedError("the model keeps tensors in other files: save it with its data inside")
        session = open_session(memoryview(content), self._settings)
        ports = _try_out(session, read_ports(session, tables))
        return Prepared({"ports": msgspec.to_builtins(ports)}, {"model": np.frombuffer(content, np.uint8)})

    def assemble(self, prepared: Prepared) -> Model:
        """Make the session. Raises ``ModelFormatError``."""
        try:
            ports = msgspec.convert(prepared.plan["ports"], Ports)
            content = prepared.arrays["model"]
        except (KeyError, msgspec.ValidationError) as error:
            raise ModelFormatError(f"what was prepared is not an ONNX model: {error}") from error
        return OnnxModel(open_session(content.data, self._settings), ports)

    def verify(self, model: Model, prepared: Prepared) -> None:
        """Pass: an ONNX model carries no verification of its own."""


def _try_out(session: Any, ports: Ports) -> Ports:
    """Call the graph once: it may lack the memory, and it gives the classes of ``ZipMap`` outputs with every record."""
    rows = ports.batch or 1
    feeds = make_feeds(
        pa.RecordBatch.from_pylist([{"": None}] * rows), [Feeder(each.field, each.tail) for each in ports.inputs]
    )
    names = [output.source for output in ports.outputs]
    try:
        values: Mapping[str, Any] = dict(zip(names, session.run(names, feeds.tensors), strict=True))
    except Exception as error:
        explained = explain(error)
        if isinstance(explained, LimitError) or any(output.form == "maps" for output in ports.outputs):
            raise explained from error
        return ports  # a record that is all missing may well be refused
    found = [
        replace(output, keys=tuple(values[output.source][0])) if output.form == "maps" else output
        for output in ports.outputs
    ]
    return replace(ports, outputs=tuple(found))
