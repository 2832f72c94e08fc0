"""What the monitor sends to an OpenTelemetry collector, by OTLP over HTTP: spans as they end, metrics now and then.

Rules:

1. The standard variables ``OTEL_...`` are read by OpenTelemetry's own packages: endpoints, headers, certificates,
   sampling, resources. What a configuration says goes before them; secrets are for variables alone.
2. A collector that is not there costs what it would have been told, and nothing else: the engine does not wait.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from headrace.monitor.metrics import Collector
from headrace.monitor.points import translate
from headrace.monitor.tracing import SpanWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.abc.observer import Observer
    from headrace.monitor.operations import Premises

SCOPE = "headrace"
_WAIT = 10.0


class Telemetry:
    """Sends spans and metrics from ``start`` to ``close``.

    ``endpoint`` is the collector's base address, "" for what the variables say; ``every`` is seconds between metrics.
    """

    def __init__(self, endpoint: str = "", *, traces: bool = True, metrics: bool = True, every: float = 60.0) -> None:
        self._resource = Resource.create({} if _is_named() else {"service.name": "headrace"})
        self._since = time.time_ns()
        self._every = every
        base = endpoint.rstrip("/")
        self._provider: TracerProvider | None = None
        self._writer: SpanWriter | None = None
        if traces:
            self._provider = TracerProvider(resource=self._resource, shutdown_on_exit=False)
            spans = OTLPSpanExporter(endpoint=f"{base}/v1/traces" if base else None)
            self._provider.add_span_processor(BatchSpanProcessor(spans))
            self._writer = SpanWriter(self._provider.get_tracer(SCOPE))
        self._exporter = OTLPMetricExporter(endpoint=f"{base}/v1/metrics" if base else None) if metrics else None
        self._collector: Collector | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headrace-telemetry", daemon=True)

    @property
    def observers(self) -> Sequence[Observer]:
        """What the engine has to tell what it does."""
        return () if self._writer is None else (self._writer,)

    def start(self, premises: Premises) -> None:
        """Begin to send metrics."""
        self._collector = Collector(premises)
        if self._exporter is not None:
            self._thread.start()

    def close(self) -> None:
        """Send what is left, and end; a collector that does not answer is waited for some seconds."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(_WAIT)
        if self._writer is not None and self._provider is not None:
            self._writer.close()
            self._provider.shutdown()
        if self._exporter is not None:
            self._exporter.shutdown()

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            self._send()
        self._send()

    def _send(self) -> None:
        assert self._exporter is not None
        assert self._collector is not None
        metrics = list(translate(self._collector.collect(), self._since, time.time_ns()))
        scope = ScopeMetrics(InstrumentationScope(SCOPE), metrics, "")
        self._exporter.export(MetricsData([ResourceMetrics(self._resource, [scope], "")]))


def _is_named() -> bool:
    """Tell whether the variables name the service."""
    told = (os.environ.get("OTEL_SERVICE_NAME", ""), os.environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    return bool(told[0]) or "service.name=" in told[1]
