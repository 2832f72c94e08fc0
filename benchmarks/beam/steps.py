"""The first and the last step of every pipeline, found by name in this process, where Prism's worker runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import apache_beam as beam

from benchmarks.embedded.models import write_wines

PIECE = 1_000
TIMES: list[float] = []
"""When each line came."""


class Watch(beam.DoFn):
    """Notes when each line comes."""

    def process(self, _: bytes) -> None:
        """Note the time."""
        TIMES.append(time.perf_counter())


def list_records(_: int) -> Iterator[bytes]:
    """Give the records of a piece."""
    yield from write_wines(PIECE).to_pylist()
