"""The pipelines: wines as protobuf in, a line for each record out."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import numpy as np
from apache_beam import coders
from apache_beam.ml.inference.base import RunInference
from apache_beam.ml.inference.sklearn_inference import ModelFileType, SklearnModelHandlerNumpy
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from benchmarks.spark.wines import Wines
from headrace.core.settings import JoinSettings
from headrace.engines.beam import Form, ModelElement, ServeBesideModels, ServeModels
from headrace.engines.beam.decoding import DEAD_LETTERS, DecodeRecords, Keyed
from headrace.machinery.parcels import Rows
from headrace.records import NoModelPolicy
from headrace.wire.wine import FEATURES, decode_wine

if TYPE_CHECKING:
    from apache_beam.ml.inference.base import PredictionResult
    from apache_beam.pvalue import PCollection

BATCH = 4_096
CHOSEN = ("position", "offset", "outputs.quality")
"""What a line says of a result: which record, which model, what it gave. The peers' lines say no more."""
SETTINGS = JoinSettings(no_model=NoModelPolicy.HOLD)
Arm = Callable[["PCollection[bytes]", "PCollection[ModelElement]", Path], "PCollection[bytes]"]
_COUNT = beam.DoFn.StateParam(ReadModifyWriteStateSpec("count", coders.VarIntCoder()))


class _CountRows(beam.DoFn):
    """Counts the rows of a key, and gives a line for each."""

    def process(self, element: Keyed, count: Any = _COUNT) -> Iterator[bytes]:
        """Count rows."""
        _, rows = element
        assert isinstance(rows, Rows)
        total = (count.read() or 0) + len(rows.batch)
        count.write(total)
        for offset in rows.batch.raw.offsets.tolist():
            yield b'{"offset":%d,"count":%d}' % (offset, total)


def serve_keyed(
    records: PCollection[bytes], models: PCollection[ModelElement], _: Path, members: Collection[str] = ()
) -> PCollection[bytes]:
    """Serve by key."""
    served = {"records": records, "models": models} | ServeModels(
        Wines(), SETTINGS, form=Form.JSON, batch_records=BATCH, members=members
    )
    results: PCollection[bytes] = served.results
    return results


def serve_beside(
    records: PCollection[bytes], models: PCollection[ModelElement], _: Path, members: Collection[str] = ()
) -> PCollection[bytes]:
    """Serve with the models as a side input."""
    served = {"records": records, "models": models} | ServeBesideModels(
        Wines(), form=Form.JSON, batch_records=BATCH, members=members
    )
    results: PCollection[bytes] = served.results
    return results


def count_records(records: PCollection[bytes], _: PCollection[ModelElement], __: Path) -> PCollection[bytes]:
    """Decode and batch as serving does, and only count."""
    step = beam.ParDo(DecodeRecords(Wines(), SETTINGS, BATCH, Form.JSON))
    decoded = records | "Decode" >> step.with_outputs(DEAD_LETTERS, main="rows")
    counted: PCollection[bytes] = (
        decoded["rows"] | "Rows" >> beam.Map(_pass_on).with_output_types(Keyed) | "Count" >> beam.ParDo(_CountRows())  # type: ignore[no-untyped-call]
    )
    return counted


def infer(records: PCollection[bytes], _: PCollection[ModelElement], folder: Path) -> PCollection[bytes]:
    """Run scikit-learn's own model by ``RunInference``."""
    handler = SklearnModelHandlerNumpy(
        str(folder / "forest.joblib"), model_file_type=ModelFileType.JOBLIB, max_batch_size=BATCH
    )
    inferred: PCollection[bytes] = (
        records | "Read" >> beam.Map(read_features) | RunInference(handler) | "Write" >> beam.Map(_write_line)
    )
    return inferred


ARMS: dict[str, Arm] = {
    "keyed": partial(serve_keyed, members=CHOSEN),
    "keyed, whole results": serve_keyed,
    "side input": partial(serve_beside, members=CHOSEN),
    "side input, whole results": serve_beside,
    "counted": count_records,
    "RunInference": infer,
}


def _pass_on(element: Keyed) -> Keyed:
    return element


def read_features(value: bytes) -> Any:
    """Read the features of a wine as a row."""
    features, _ = decode_wine(value)
    return np.array([features[name] for name in FEATURES])


def _write_line(result: PredictionResult) -> bytes:
    return json.dumps({"quality": int(str(result.inference))}).encode()
