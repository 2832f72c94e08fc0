"""The view as Prometheus metrics.

Rules:

1. Times are seconds, memory is bytes, counters end in ``_total``; a metric keeps its name, unit and labels.
2. Labels are the slot's alone (``data_type`` and ``slot``): names and versions of models change without end, so they
   are in ``headrace_serving_model_info``, one series for each slot at a time. At most ``SLOTS`` slots are told.
3. Where instances share the work, each tells its own part, to be added up: what it did since it began.
4. The histogram's bounds are powers of two nanoseconds, where the buckets of the statistics begin: none is split.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from headrace.core.spreads import summarise_drift
from headrace.core.states import State
from headrace.core.statistics import bucket_of
from headrace.monitor.looking import find_obstacles
from headrace.monitor.operations import Operation, premises_of
from headrace.monitor.view import merge_timings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric
    from starlette.requests import Request

    from headrace.core.statistics import Timing
    from headrace.monitor.operations import Premises
    from headrace.monitor.view import SlotView, VersionView, View

SLOTS = 500
_BOUNDS = [1 << shift for shift in range(10, 33, 2)]
_LABELS = ("data_type", "slot")
_OUTCOMES = ("scored", "dead_lettered", "skipped")


class Collector:
    """Gives the metrics of one engine."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises

    def collect(self) -> Iterator[Metric]:
        """Give every metric."""
        view = self._premises.watcher.own
        slots = view.slots[:SLOTS]
        yield from _count_records(view, slots)
        yield from _time_scoring(view, slots)
        yield from _tell_models(view, slots)
        yield from self._tell_engine(view)

    def _tell_engine(self, view: View) -> Iterator[Metric]:
        ready = not find_obstacles(self._premises)
        yield GaugeMetricFamily("headrace_ready", "1 where the engine can do its work.", value=float(ready))
        told = "The position up to which the model stream was read."
        yield GaugeMetricFamily("headrace_model_stream_position", told, value=view.position)
        committed = self._premises.watcher.committed_at
        if committed is not None:
            told = "When the engine last committed."
            yield GaugeMetricFamily("headrace_last_commit_timestamp_seconds", told, value=committed / 1_000)
        if self._premises.watcher.members:
            told = "Instances that share the records: those that are there, and those gone of late."
            instances = GaugeMetricFamily("headrace_instances", told, labels=("state",))
            gone = sum(each.gone for each in self._premises.watcher.members)
            instances.add_metric(("present",), len(self._premises.watcher.members) - gone)
            instances.add_metric(("gone",), gone)
            yield instances
        told = "Records that have been read and wait for a model."
        waiting = GaugeMetricFamily("headrace_waiting_records", told, labels=("source",))
        rows: Counter[str] = Counter()
        for partition in view.partitions:
            rows[partition.source] += partition.waiting
        for source, count in rows.items():
            waiting.add_metric((source,), count)
        yield waiting


def _count_records(view: View, slots: tuple[SlotView, ...]) -> Iterator[Metric]:
    received = CounterMetricFamily("headrace_records_received", "Records that addressed a slot.", labels=_LABELS)
    became = CounterMetricFamily("headrace_records", "What became of them.", labels=(*_LABELS, "outcome"))
    for slot in slots:
        received.add_metric(slot.key, slot.counts.received)
        for outcome in _OUTCOMES:
            became.add_metric((*slot.key, outcome), getattr(slot.counts, outcome))
    told = "Records that addressed no slot, and what became of them."
    lost = CounterMetricFamily("headrace_unaddressed_records", told, labels=("outcome",))
    for outcome in _OUTCOMES:
        lost.add_metric((outcome,), getattr(view.unaddressed, outcome))
    yield from (received, became, lost)


def _time_scoring(view: View, slots: tuple[SlotView, ...]) -> Iterator[Metric]:
    told = "The time that scoring a record took: that of its batch divided by the batch's records."
    family = HistogramMetricFamily("headrace_score_seconds", told, labels=_LABELS)
    timings: dict[tuple[str, str], list[Timing]] = {}
    for version in view.versions:
        timings.setdefault((version.data_type, version.slot), []).append(version.timing)
    for slot in slots:
        timing = merge_timings(timings.get(slot.key, ()))
        family.add_metric(slot.key, _cumulate(timing), timing.total_ns / 1e9)
    yield family


def _cumulate(timing: Timing) -> list[tuple[str, float]]:
    counted = [
        (f"{bound / 1e9!r}", float(sum(rows for bucket, rows in timing.buckets.items() if bucket < bucket_of(bound))))
        for bound in _BOUNDS
    ]
    return [*counted, ("+Inf", float(timing.count))]


def _tell_models(view: View, slots: tuple[SlotView, ...]) -> Iterator[Metric]:
    states: dict[tuple[str, str], Counter[State]] = {slot.key: Counter() for slot in slots}
    for version in view.versions:
        if (version.data_type, version.slot) in states:
            states[version.data_type, version.slot][version.state] += 1
    told = "Publications by the state of their life; those that are over as long as the engine remembers them."
    models = GaugeMetricFamily("headrace_models", told, labels=(*_LABELS, "state"))
    for key, counted in states.items():
        for state in State:
            models.add_metric((*key, str(state)), counted[state])
    yield models
    pinned = GaugeMetricFamily("headrace_slot_pinned", "1 where the slot is pinned.", labels=_LABELS)
    for slot in slots:
        pinned.add_metric(slot.key, float(slot.pinned))
    yield pinned
    serving = [(slot, each) for slot in slots if (each := view.find(slot.serving)) is not None]
    yield from _tell_serving(serving)


def _tell_serving(serving: list[tuple[SlotView, VersionView]]) -> Iterator[Metric]:
    info = GaugeMetricFamily("headrace_serving_model_info", "The model that serves a slot.",
                             labels=(*_LABELS, "name", "version", "digest"))  # fmt: skip
    for slot, version in serving:
        info.add_metric((*slot.key, version.name, version.version, version.digest[:12]), 1.0)
    yield info
    gauges: dict[str, tuple[str, Callable[[VersionView], float]]] = {
        "headrace_serving_since_timestamp_seconds": ("Since when it serves.", lambda each: (each.since or 0) / 1_000),
        "headrace_serving_memory_bytes": ("Memory that it holds, as estimated.", lambda each: each.memory_bytes),
        "headrace_serving_load_seconds": ("What loading it took.", lambda each: each.load_ns / 1e9),
        "headrace_serving_verify_seconds": ("What verifying it took.", lambda each: each.verify_ns / 1e9),
    }
    yield _tell_drift(serving)
    for name, (told, value) in gauges.items():
        gauge = GaugeMetricFamily(name, told, labels=_LABELS)
        for slot, version in serving:
            gauge.add_metric(slot.key, value(version))
        yield gauge


def _tell_drift(serving: list[tuple[SlotView, VersionView]]) -> Metric:
    """Tell of each slot the most drifted input and output alone: how many fields there are is not ours to say."""
    told = "Population stability index of the most drifted field, against the serving model's profile."
    drift = GaugeMetricFamily("headrace_serving_drift", told, labels=(*_LABELS, "side"))
    for slot, version in serving:
        found = summarise_drift(version.profile, version.spread) or {}
        for side in ("inputs", "outputs"):
            if found.get(side):
                drift.add_metric((*slot.key, side), max(found[side].values()))
    return drift


async def show_metrics(request: Request) -> Response:
    """Answer all metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(premises_of(request)))
    text = await run_in_threadpool(generate_latest, registry)
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})


OPERATIONS = (
    Operation("GET", "/metrics", show_metrics, "All metrics in Prometheus' text format", "statistics",
              media="text/plain"),
)  # fmt: skip
