"""A configuration to a pipeline of Beam that serves topics of Kafka.

Rules:

1. Without a runner among Beam's options the pipeline runs on Prism, on this machine, with its workers in this process.
2. With a group, records go on from what was committed; the model topic is read whole by every run, since a local runner
   keeps no state between two runs.
"""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineState

from headrace.app.kafka.codecs import CodecByTopic
from headrace.app.kafka.engine import build_topic_stream
from headrace.app.settings import build_settings
from headrace.app.supply import build_options, read_mappings, with_mappings
from headrace.engines.beam import Form, ServeModels
from headrace.engines.beam.kafka import KafkaRecord, ReadFromKafka, ReadModelsFromKafka, WriteToKafka
from headrace.engines.beam.runner import local_options
from headrace.errors import ConfigurationError, HeadraceError, SourceError
from headrace.transports.kafka.settings import flatten_settings, read_settings
from headrace.wire.descriptor import decode_command

if TYPE_CHECKING:
    from apache_beam.runners.runner import PipelineResult

    from headrace.app.beam.configuration import BeamConfiguration
    from headrace.transports.kafka.settings import Setting


_REASON = re.compile(r"^\s*(?:[a-z_]\w*\.)*\w*(?:Error|Exception): (.+?)(?: \[while running .*)?$", re.MULTILINE)
"""The last line of a traceback."""


class BeamRun:
    """A pipeline that runs: ``stop`` ends it, from a signal handler or another thread."""

    def __init__(self, result: PipelineResult) -> None:
        self._result = result
        self._stopped = False

    def stop(self) -> None:
        """Cancel the pipeline: what its bundles have written and committed stays."""
        self._stopped = True
        self._result.cancel()

    def wait(self) -> Mapping[str, int]:
        """Wait for the end; give the counts by name. Raises ``SourceError`` with the reason where it failed."""
        try:
            state = self._result.wait_until_finish()
        except Exception as error:
            if self._stopped:
                return self._count()
            raise SourceError(f"the pipeline failed: {find_reason(str(error))}") from error
        if state not in {PipelineState.DONE, PipelineState.CANCELLED, PipelineState.DRAINED}:
            raise SourceError(f"the pipeline ended in state {state}")
        return self._count()

    def _count(self) -> Mapping[str, int]:
        try:
            counters = self._result.metrics().query()["counters"]
        except Exception:  # noqa: BLE001 a runner may have no counters to tell
            return {}
        counts: dict[str, int] = {}
        for counter in counters:
            if counter.key.metric.namespace == "headrace":
                name = counter.key.metric.name
                counts[name] = counts.get(name, 0) + int(counter.result or 0)
        return counts


def find_reason(told: str) -> str:
    """Find what went wrong in what a runner tells, which is a worker's whole traceback."""
    reasons = _REASON.findall(told)
    return reasons[-1] if reasons else told


def start_pipeline(configuration: BeamConfiguration, directory: Path, options: Sequence[str] = ()) -> BeamRun:
    """Build and start the pipeline; ``options`` are Beam's own, added to those of the configuration.

    Raises ``ConfigurationError``, and ``SourceError`` where the runner does not take the pipeline.
    """
    given = [*configuration.engine.options, *options]
    local = not any(option.startswith("--runner") for option in given)
    if local:
        given += ["--runner=PrismRunner", *local_options()]
    if all(section.follow for section in configuration.streams):
        given.append("--streaming")
    pipeline = _make_pipeline(given)
    build_graph(pipeline, configuration, directory)
    try:
        with _deaf_to_interrupts() if local else nullcontext():
            return BeamRun(pipeline.run())
    except HeadraceError:
        raise
    except Exception as error:
        raise SourceError(f"the runner does not take the pipeline: {error}") from error


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Have a program that is started meanwhile not hear Ctrl-C: Prism has to outlive the end that we bring about."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _make_pipeline(given: Sequence[str]) -> beam.Pipeline:
    try:
        return beam.Pipeline(options=PipelineOptions(given))
    except ValueError as error:  # such as the name of a runner that there is not
        raise ConfigurationError(f"Beam does not take the options {' '.join(given)}: {error}") from error


def build_graph(pipeline: beam.Pipeline, configuration: BeamConfiguration, directory: Path) -> None:
    """Put the graph together. Raises ``ConfigurationError``."""
    client = flatten_settings(configuration.kafka, directory)
    read_settings(client)  # what is wrong with them is told before anything runs
    streams = [build_topic_stream(section) for section in configuration.streams]
    settings = build_settings(configuration, streams)
    section = configuration.engine
    records = pipeline | "Records" >> _read_records(configuration, client)
    models = pipeline | "Models" >> ReadModelsFromKafka(
        client, configuration.models.topic, bounded=not configuration.models.follow
    )
    served = {"records": records | "Place" >> beam.Map(KafkaRecord.to_record), "models": models} | ServeModels(
        CodecByTopic(configuration.streams),
        settings,
        build_options(configuration, settings),
        form=Form.JSON,
        batch_records=section.batch_records,
        step_ms=section.step_ms,
        in_child=configuration.loading.checker == "process",
        decode=_read_command(configuration),
        statistics=None if configuration.statistics is None else configuration.statistics.place(directory),
        members=configuration.results.members,
    )
    outlets = {"results": (served.results, configuration.results.topic)}
    outlets["dead letters"] = (served.dead_letters, configuration.dead_letters.topic)
    if configuration.events is not None:
        outlets["events"] = (served.events, configuration.events.topic)
    for name, (collection, topic) in outlets.items():
        collection | f"Write {name}" >> WriteToKafka(client, topic)


def _read_records(configuration: BeamConfiguration, client: Mapping[str, Setting]) -> Any:
    first, group = configuration.streams[0], configuration.engine.group
    return ReadFromKafka(
        client,
        [section.topic for section in configuration.streams],
        start="committed" if group else first.start,
        bounded=not first.follow,
        group=group,
        uncommitted=first.start,
        lost_records=first.lost_records,
    )


def _read_command(configuration: BeamConfiguration) -> Callable[[bytes], Any]:
    mappings = read_mappings(configuration)
    return with_mappings(decode_command, mappings) if mappings else decode_command
