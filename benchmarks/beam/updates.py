"""How long a record waits while a model is updated: records by the clock, a large model after a while.

Records come every ``TICK`` of event time, which is the clock's; each group's wait is from then to the last step.
Headrace takes models from their stream, by the place of a file or inline, ``RunInference`` from a side input that names
a file, in windows of ``WINDOW``: Prism has side inputs by window alone where they go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import joblib
import numpy as np
import numpy.typing as npt
from apache_beam.ml.inference.base import KeyedModelHandler, ModelMetadata, RunInference
from apache_beam.ml.inference.sklearn_inference import ModelFileType, SklearnModelHandlerNumpy
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.prism_runner import PrismRunner
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.window import FixedWindows

from benchmarks.beam.arms import BATCH, SETTINGS, read_features
from benchmarks.beam.steps import ARRIVALS, Arrive
from benchmarks.embedded.models import Forest, write_wines
from benchmarks.figures import Figures
from benchmarks.spark.wines import Wines
from headrace.engines.beam import ModelElement, ServeBesideModels, ServeModels
from headrace.engines.beam.runner import local_options
from headrace.loading import LoadOptions
from headrace.machinery.elements import RecordElement, ScoredRecord
from headrace.machinery.shelf import close_shelves
from headrace.records import Descriptor, Publish
from headrace.wire.descriptor import encode_command

if TYPE_CHECKING:
    from apache_beam.ml.inference.base import PredictionResult
    from apache_beam.pvalue import PCollection

TICK = 0.05
BEAT = 0.1
"""How often the model stream says how far its time has come, in seconds."""
WINDOW = 1
LEAD = 8.0
"""Seconds from a pipeline's making to its first record: it starts, and its first model loads."""
SETTLE = 4.0
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Course:
    """When what comes: ``start`` is the clock's, ``switch`` and ``end`` are seconds after it; ``rate`` is a second."""

    folder: Path
    start: float
    switch: float
    end: float
    rate: int

    @property
    def options(self) -> LoadOptions:
        """Where models may be."""
        return LoadOptions(locations=(self.folder.as_uri() + "/",))

    @property
    def group(self) -> int:
        """How many records a tick brings."""
        return round(self.rate * TICK)

    def list_records(self, moment: Any) -> Iterator[RecordElement]:
        """Give the records of a tick; their offsets tell when they were due."""
        values, first = write_wines(1_599), round((float(moment) - self.start) / TICK) * self.group
        for number in range(first, first + self.group):
            yield RecordElement(values[number % len(values)].as_py(), offset=number)

    def list_messages(self, moment: Any, *, inline: bool) -> Iterator[ModelElement]:
        """Give the message of a beat, if it has one: the first model at once, the second at the switch."""
        beat = round((float(moment) - self.start + SETTLE) / BEAT)
        for position, due in enumerate((0.0, SETTLE + self.switch)):
            if beat == round(due / BEAT):
                file = self.folder / f"{position}.pmml"
                content, location = (file.read_bytes(), "") if inline else (None, file.as_uri())
                named = Descriptor(
                    f"{position}",
                    "wine",
                    model_type="pmml",
                    content=content,
                    location=location,
                    replaces_signature=True,
                )
                yield ModelElement(encode_command(Publish(named)), position)

    def name_file(self, moment: Any) -> ModelMetadata:
        """Name the file of the model of a window."""
        name = str(int(float(moment) >= self.start + self.switch))
        return ModelMetadata(model_id=str(self.folder / f"{name}.joblib"), model_name=name)

    def waits(self) -> tuple[Floats, float]:
        """Give what each record waited, in ms, and how long after the switch the second model's first result came."""
        found = np.full(round(self.end * self.rate), np.nan)
        after = np.inf
        for at, number, model in ARRIVALS:
            found[number] = at - self.start - number // self.group * TICK
            if model == "1":
                after = min(after, at - self.start - self.switch)
        if np.isnan(found).any():
            raise SystemExit(f"{int(np.isnan(found).sum())} results are missing")
        return found * 1e3, after


def serve_keyed(pipeline: beam.Pipeline, course: Course, *, inline: bool) -> PCollection[tuple[int, str]]:
    """Serve by key."""
    transform = ServeModels(Wines(), SETTINGS, course.options, batch_records=BATCH)
    return _serve(pipeline, course, transform, inline=inline)


def serve_beside(pipeline: beam.Pipeline, course: Course) -> PCollection[tuple[int, str]]:
    """Serve with the models as a side input."""
    transform = ServeBesideModels(Wines(), None, course.options, batch_records=BATCH)
    return _serve(pipeline, course, transform, inline=False)


def _serve(pipeline: beam.Pipeline, course: Course, transform: Any, *, inline: bool) -> PCollection[tuple[int, str]]:
    beats = pipeline | "Beats" >> PeriodicImpulse(course.start - SETTLE, course.start + course.end, BEAT)
    models = beats | "Messages" >> beam.FlatMap(course.list_messages, inline=inline)
    served = {"records": _list_records(pipeline, course), "models": models} | transform
    results: PCollection[tuple[int, str]] = served.results | "Name" >> beam.Map(_name_scored)
    return results


def infer(pipeline: beam.Pipeline, course: Course) -> PCollection[tuple[int, str]]:
    """Run scikit-learn's own models by ``RunInference``, updated by its side input."""
    first = str(course.folder / "0.joblib")
    handler = SklearnModelHandlerNumpy(first, model_file_type=ModelFileType.JOBLIB, max_batch_size=BATCH)
    beats = pipeline | "Beats" >> PeriodicImpulse(
        course.start - WINDOW, course.start + course.end, WINDOW, apply_windowing=True
    )
    inferred: PCollection[tuple[int, str]] = (
        _list_records(pipeline, course)
        | "Windows" >> beam.WindowInto(FixedWindows(WINDOW))
        | "Read" >> beam.Map(_read_keyed)
        | RunInference(KeyedModelHandler(handler), model_metadata_pcoll=beats | "Files" >> beam.Map(course.name_file))
        | "Name" >> beam.Map(_name_inferred)
    )
    return inferred


ARMS: dict[str, Callable[[beam.Pipeline, Course], PCollection[tuple[int, str]]]] = {
    "keyed": partial(serve_keyed, inline=False),
    "keyed, inline": partial(serve_keyed, inline=True),
    "side input": serve_beside,
    "RunInference": infer,
}


def measure(
    figures: Figures, folder: Path, forests: tuple[Forest, Forest], course: tuple[float, float], rate: int
) -> None:
    """Print what records wait before the second model comes and from then on; ``course`` is its time, and the end."""
    write_models(folder, forests)
    switch, end = course
    for arm in ARMS:
        waits, after = run(arm, folder, switch, end, rate)
        told = []
        for first, last in ((switch / 2, switch), (switch, end)):
            part = waits[round(first * rate) : round(last * rate)]
            told.append("{:.0f}, {:.0f}, {:.0f}".format(*np.percentile(part, [50, 99, 100])))
        figures.tell(f"{arm}, {forests[1].name} arrive, ms (median, p99, greatest)", f"quiet {told[0]}; then {told[1]}")
        figures.tell(f"{arm}, to the first result of the new model", f"{after:.1f} s")


def run(arm: str, folder: Path, switch: float, end: float, rate: int) -> tuple[Floats, float]:
    """Run a pipeline; give what ``Course.waits`` does."""
    ARRIVALS.clear()
    close_shelves()  # each arm loads its models itself
    options = PipelineOptions(["--streaming", *local_options()], save_main_session=False)
    course = Course(folder, round(time.time() + LEAD), switch, end, rate)
    with beam.Pipeline(runner=PrismRunner(), options=options) as pipeline:
        ARMS[arm](pipeline, course) | "Arrive" >> beam.ParDo(Arrive())  # type: ignore[no-untyped-call]
    return course.waits()


def write_models(folder: Path, forests: tuple[Forest, Forest]) -> None:
    """Write both models in both formats."""
    for number, forest in enumerate(forests):
        (folder / f"{number}.pmml").write_bytes(forest.content)
        joblib.dump(forest.trained, folder / f"{number}.joblib")


def _list_records(pipeline: beam.Pipeline, course: Course) -> PCollection[RecordElement]:
    ticks = pipeline | "Ticks" >> PeriodicImpulse(course.start, course.start + course.end, TICK)
    records: PCollection[RecordElement] = (
        ticks | "Records" >> beam.FlatMap(course.list_records) | "Apart" >> beam.Reshuffle()
    )
    return records


def _name_scored(scored: ScoredRecord) -> tuple[int, str]:
    return scored.offset, scored.model.name


def _read_keyed(record: RecordElement) -> tuple[int, Any]:
    return record.offset, read_features(record.value or b"")


def _name_inferred(result: tuple[int, PredictionResult]) -> tuple[int, str]:
    return result[0], Path(result[1].model_id or "").stem
