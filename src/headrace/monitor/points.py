"""The metrics of ``/metrics`` as OpenTelemetry's: the same numbers of the same view.

Rules:

1. Names and units are those from which OpenTelemetry's own translation makes the names of ``/metrics`` again:
   ``headrace_score_seconds`` is ``headrace.score`` in seconds.
2. Counters and histograms are cumulative, since the engine was started.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric as Family
    from prometheus_client.samples import Sample

_UNITS = {"_seconds": "s", "_bytes": "By"}
_CUMULATIVE = AggregationTemporality.CUMULATIVE


def translate(families: Iterable[Family], since: int, now: int) -> Iterator[Metric]:
    """Give each family that has samples as a metric; times are nanoseconds since the epoch."""
    for family in families:
        if not family.samples:
            continue
        name, unit = _split(family.name)
        data: Gauge | Sum | Histogram
        if family.type == "histogram":
            data = Histogram(list(_histograms(family.samples, since, now)), _CUMULATIVE)
        elif family.type == "counter":
            data = Sum(_numbers(family.samples, since, now), _CUMULATIVE, is_monotonic=True)
        else:
            data = Gauge(_numbers(family.samples, since, now))
        yield Metric(name, family.documentation, unit, data)


def _split(name: str) -> tuple[str, str]:
    for suffix, unit in _UNITS.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix).replace("_", ".", 1), unit
    return name.replace("_", ".", 1), "1"


def _numbers(samples: Iterable[Sample], since: int, now: int) -> list[NumberDataPoint]:
    return [NumberDataPoint(dict(each.labels), since, now, each.value) for each in samples]


def _histograms(samples: Iterable[Sample], since: int, now: int) -> Iterator[HistogramDataPoint]:
    """Put the samples of each series together again: buckets, each the sum of those before it, count and sum."""
    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for each in samples:
        key = tuple(sorted((name, value) for name, value in each.labels.items() if name != "le"))
        if each.name.endswith("_bucket"):
            buckets.setdefault(key, []).append((float(each.labels["le"]), each.value))
        elif each.name.endswith("_sum"):
            sums[key] = each.value
    for key, cumulated in buckets.items():
        bounds, totals = zip(*sorted(cumulated), strict=True)
        counts = [int(total - before) for before, total in zip((0.0, *totals), totals, strict=False)]
        finite = [bound for bound in bounds if not math.isinf(bound)]
        # The view's least and greatest are those of versions, not of the series: none is claimed.
        unclaimed: Any = None
        count, total = int(totals[-1]), sums.get(key, 0.0)
        yield HistogramDataPoint(dict(key), since, now, count, total, counts, finite, unclaimed, unclaimed)
