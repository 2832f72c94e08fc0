"""A format whose models misbehave on request, for the tests of loading."""

import os
import resource
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.abc.model import Prepared, Scores
from headrace.errors import ModelFormatError, RecordError, UnsupportedError, VerificationError
from headrace.records import Field, Signature

MAGIC = b"FAKE"


def write(do: str = "", factor: float = 2.0, size: int = 0) -> bytes:
    """Write a model that multiplies its input, or does as it is told when it is prepared."""
    return MAGIC + msgspec.json.encode({"do": do, "factor": factor, "size": size})


class FakeModel:
    signature = Signature((Field("x", "double"),), (Field("y", "double"), Field("name", "string")))

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.closed = False

    def score(self, batch: pa.RecordBatch) -> Scores:
        column = batch.column("x").cast(pa.float64())
        names = pa.array(["fake" if value >= 0 else None for value in column.to_pylist()], pa.string())
        errors = {row: "x is above 1000" for row, value in enumerate(column.to_pylist()) if value > 1000}
        return Scores(pa.record_batch({"y": pc.multiply(column, self.factor), "name": names}), errors)

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        value = record["x"]
        if not isinstance(value, float):
            raise RecordError("x is no number")
        return {"y": value * self.factor, "name": "fake"}

    def close(self) -> None:
        self.closed = True


class FakeFormat:
    name = "fake"

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def recognises(self, content: bytes) -> bool:
        return content.startswith(MAGIC)

    def prepare(self, content: bytes) -> Prepared:
        told = msgspec.json.decode(content[len(MAGIC) :])
        self._do(told["do"])
        arrays = {
            "content": np.frombuffer(content, np.uint8),
            "numbers": np.arange(told["size"], dtype=np.float64).reshape(2, -1),
            "flags": np.array([True, False]),
            "texts": np.array(["a", "bc"]),
            "transposed": np.arange(6, dtype=np.int16).reshape(2, 3).T,
        }
        return Prepared({"factor": told["factor"] * self.factor, "do": told["do"], "nan": float("nan")}, arrays)

    def _do(self, what: str) -> None:
        match what:
            case "hang":
                signal.pause()
            case "spin":
                while True:
                    pass
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "crash of memory":
                os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'")
                os.abort()
            case "exit":
                os._exit(3)
            case "garbage":
                for handle in range(3, 20):
                    try:
                        os.write(handle, b"this is no frame")
                    except OSError:
                        continue
                signal.pause()
            case "memory":
                np.ones(2**33)
            case "recurse":
                self._do(what)
            case "refuse":
                raise UnsupportedError("the model uses what is not supported")
            case "fail":
                raise KeyError("nobody foresaw this")
            case "print":
                os.write(1, b"a library prints")
            case "look":
                self._look()

    def _look(self) -> None:
        """Refuse every model unless the process is shut off as it should be."""
        seen = {
            "directory": [path.name for path in Path().iterdir()],
            "variables": sorted(name for name in os.environ if name.startswith("SECRET")),
            "interfaces": [name for _, name in socket.if_nameindex() if name != "lo"],
            "session": os.getsid(0) == os.getpid(),
            "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        }
        with Path("large").open("wb") as file:
            try:
                file.write(b"0" * 2**25)
                file.flush()
                seen["large"] = True
            except OSError:
                seen["large"] = False
        raise UnsupportedError(msgspec.json.encode(seen).decode())

    def assemble(self, prepared: Prepared) -> FakeModel:
        if prepared.plan["do"] == "not here" and "PYTEST_CURRENT_TEST" in os.environ:
            raise ModelFormatError("the serving process cannot assemble it")
        factor = prepared.plan["factor"]
        assert isinstance(factor, float)
        return FakeModel(factor)

    def verify(self, model: FakeModel, prepared: Prepared) -> None:
        if prepared.plan["do"] == "disagree":
            raise VerificationError("the model's own verification disagrees")
