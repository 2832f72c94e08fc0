"""Pipelines on Prism whose outputs a test can look at, and what comes when, written down as a test stream."""

from __future__ import annotations

import json
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.prism_runner import PrismRunner
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue

from headrace.core.settings import JoinSettings
from headrace.engines.beam import ModelElement, ScoredRecord, ServeModels
from headrace.engines.beam.runner import local_options
from headrace.loading import LoadOptions
from headrace.records import Command, Descriptor, Publish
from headrace.testing.scaling import FORMATS, write_scaling
from headrace.wire.descriptor import encode_command
from headrace.wire.json import JsonCodec
from headrace.wire.layout import ByField, Layout

if TYPE_CHECKING:
    from apache_beam.pvalue import PCollection

LAYOUT = Layout(ByField("kind"), declared=("wine", "beer"), id_field="id", time_field="at")
SCHEMA = pa.schema([("id", pa.string()), ("kind", pa.string()), ("at", pa.int64()), ("x", pa.float64())])
CODEC = JsonCodec(LAYOUT, SCHEMA)
OPTIONS = LoadOptions(formats=dict(FORMATS), warm_rows=(1,))
_GATHERED: dict[tuple[str, str], list[Any]] = defaultdict(list)
_CHANGED = threading.Condition()
PATIENCE = 90.0


def record(number: int, *, kind: str = "wine", x: object = None, at: int | None = None) -> bytes:
    """Write record ``number``: its x is the number, its time the number in milliseconds, unless given."""
    values = {"id": f"r{number}", "kind": kind, "at": number if at is None else at, "x": number if x is None else x}
    return json.dumps(values).encode()


def publish(position: int, factor: float = 0, *, content: bytes | None = None, **fields: Any) -> ModelElement:
    """Write a publication of a model that multiplies by ``factor``."""
    made = write_scaling(factor) if content is None else content
    descriptor = Descriptor(f"by {factor:g}", **{"data_type": "wine", "content": made, **fields})
    return command(position, Publish(descriptor))


def command(position: int, given: Command) -> ModelElement:
    return ModelElement(encode_command(given), position)


def options(*more: str) -> PipelineOptions:
    return PipelineOptions(
        ["--streaming", *local_options(), *more],
        save_main_session=False,
    )


class _Gather(beam.DoFn):
    def __init__(self, run: str, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._place = (run, name)

    def process(self, element: Any) -> None:
        with _CHANGED:
            _GATHERED[self._place].append(element)
            _CHANGED.notify_all()


@dataclass
class Gathered:
    """What came out of a run, by name."""

    run: str = field(default_factory=lambda: uuid.uuid4().hex)

    def take(self, name: str, collection: PCollection[Any]) -> None:
        collection | f"Gather {name}" >> beam.ParDo(_Gather(self.run, name))

    def __getitem__(self, name: str) -> list[Any]:
        return _GATHERED[self.run, name]

    def await_count(self, name: str, count: int) -> list[Any]:
        """Wait until so many have come."""
        with _CHANGED:
            found = self[name]
            assert _CHANGED.wait_for(lambda: len(found) >= count, PATIENCE), f"{len(found)} of {count} {name}"
            return list(found)

    @property
    def scores(self) -> dict[str, float]:
        """The output ``y`` of each record, by id."""
        results: Sequence[ScoredRecord] = self["results"]
        ids = [result.id for result in results]
        assert len(set(ids)) == len(ids)
        return {result.id: result.outputs["y"] for result in results}  # type: ignore[misc]

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """What happened to models: kind and position."""
        return [(str(event.kind), event.position) for event in self["events"]]


def run(build: Callable[[beam.Pipeline, Gathered], None], *more: str) -> Gathered:
    """Run a pipeline on Prism to its end."""
    gathered = Gathered()
    with beam.Pipeline(runner=PrismRunner(), options=options(*more)) as pipeline:
        build(pipeline, gathered)
    return gathered


@contextmanager
def running(build: Callable[[beam.Pipeline, Gathered], None]) -> Iterator[Gathered]:
    """Run a pipeline that has no end, and cancel it."""
    gathered = Gathered()
    pipeline = beam.Pipeline(runner=PrismRunner(), options=options())
    build(pipeline, gathered)
    result = pipeline.run()
    try:
        yield gathered
    finally:
        result.cancel()


def timed(at: int, element: Any) -> Any:
    """Give an element its time, in milliseconds."""
    return TimestampedValue(element, at / 1_000)


@dataclass
class Script:
    """What comes, in its order: an element on one of the two inlets, or how far time has come (milliseconds)."""

    stream: TestStream = field(default_factory=TestStream)

    def records(self, elements: Iterable[Any]) -> Script:
        return self._add("records", elements)

    def models(self, elements: Iterable[Any]) -> Script:
        return self._add("models", elements)

    def _add(self, inlet: str, elements: Iterable[Any]) -> Script:
        # Prism does not know a test stream's tags, so both inlets are one stream and are parted behind it.
        self.stream.add_elements([_label(inlet, element) for element in elements])
        return self

    def reach(self, at: int) -> Script:
        self.stream.advance_watermark_to(at / 1_000)
        return self

    def serve(self, settings: JoinSettings | None = None, serve: Any = ServeModels, **kept: Any) -> Gathered:
        """Serve it, and give what came out."""
        self.stream.advance_watermark_to_infinity()

        def build(pipeline: beam.Pipeline, gathered: Gathered) -> None:
            both = pipeline | self.stream
            inlets = {name: both | name >> beam.FlatMap(_choose, name) for name in ("records", "models")}
            served = inlets | serve(CODEC, settings, OPTIONS, **{"in_child": False, **kept})
            gathered.take("results", served.results)
            gathered.take("dead_letters", served.dead_letters)
            gathered.take("events", served.events)

        return run(build)


def _label(inlet: str, element: Any) -> Any:
    if isinstance(element, TimestampedValue):
        return TimestampedValue((inlet, element.value), element.timestamp)
    return inlet, element


def _choose(labelled: tuple[str, Any], inlet: str) -> list[Any]:
    return [labelled[1]] if labelled[0] == inlet else []
