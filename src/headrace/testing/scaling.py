"""The smallest model format: one number by which a field is multiplied.

Its models load at once and tell by their result which of them scored: good for tests and demonstrations of what happens
around a model. ``LoadOptions(formats=FORMATS)`` makes it known.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from headrace.abc.model import Prepared, Scores
from headrace.errors import ModelFormatError, RecordError
from headrace.records import Field, Signature

if TYPE_CHECKING:
    from headrace.abc.model import Model

FORMATS: Mapping[str, str] = MappingProxyType({"scaling": "headrace.testing.scaling:ScalingFormat"})
_MAGIC = b"SCALING "


class Scaling(msgspec.Struct, frozen=True):
    """What a model holds: ``output`` is ``factor`` times ``input``; a record whose input is above ``most`` fails."""

    factor: float
    input: str = "x"
    output: str = "y"
    most: float = 1e300


def write_scaling(factor: float, **fields: object) -> bytes:
    """Write a model; ``fields`` are those of ``Scaling``."""
    return _MAGIC + msgspec.json.encode(msgspec.convert({"factor": factor, **fields}, Scaling))


class ScalingModel:
    """A ``Model`` that multiplies. Scoring with a closed one raises, so that it does not go unseen."""

    def __init__(self, scaling: Scaling) -> None:
        self._scaling = scaling
        self._closed = False
        self.signature = Signature((Field(scaling.input, "double"),), (Field(scaling.output, "double"),))

    def score(self, batch: pa.RecordBatch) -> Scores:
        """Score a batch."""
        scaling = self._scaling
        if self._closed:
            message = "a closed model was asked to score"
            raise RuntimeError(message)
        if scaling.input not in batch.schema.names:
            return Scores(pa.record_batch({scaling.output: pa.nulls(batch.num_rows, pa.float64())}))
        column = batch.column(scaling.input).cast(pa.float64())
        above = pc.fill_null(pc.greater(column, scaling.most), fill_value=False)
        scaled = pc.if_else(above, pa.scalar(None, pa.float64()), pc.multiply(column, scaling.factor))
        rows = pc.indices_nonzero(above).to_pylist()
        errors = dict.fromkeys(rows, f"{scaling.input} is above {scaling.most:g}")
        return Scores(pa.record_batch({scaling.output: scaled}), errors)

    def score_one(self, record: Mapping[str, object]) -> dict[str, object]:
        """Score one record."""
        scores = self.score(pa.RecordBatch.from_pylist([dict(record)]))
        for reason in scores.errors.values():
            raise RecordError(reason)
        found: dict[str, object] = scores.outputs.to_pylist()[0]
        return found

    def close(self) -> None:
        """Refuse to score from now on."""
        self._closed = True


class ScalingFormat:
    """See ``abc.model.Format``."""

    name = "scaling"

    def recognises(self, content: bytes) -> bool:
        """Tell by the first bytes."""
        return content.startswith(_MAGIC)

    def prepare(self, content: bytes) -> Prepared:
        """Read the number. Raises ``ModelFormatError``."""
        try:
            scaling = msgspec.json.decode(content[len(_MAGIC) :], type=Scaling)
        except msgspec.MsgspecError as error:
            message = f"not a model of the format scaling: {error}"
            raise ModelFormatError(message) from error
        return Prepared(msgspec.structs.asdict(scaling))

    def assemble(self, prepared: Prepared) -> Model:
        """Make the model."""
        return ScalingModel(msgspec.convert(dict(prepared.plan), Scaling))

    def verify(self, model: Model, prepared: Prepared) -> None:
        """Find nothing to verify: such a model carries no records within itself."""
