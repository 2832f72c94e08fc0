"""The first and the last step of every pipeline, found by name in this process, where Prism's worker runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import apache_beam as beam

from benchmarks.embedded.models import write_wines

PIECE = 1_000
LINES: list[bytes] = []
"""What has come."""
ARRIVALS: list[tuple[float, int, str]] = []
"""When which record came by the clock, in seconds, and of which model."""


class Watch(beam.DoFn):
    """Notes each line."""

    def process(self, line: bytes) -> None:
        """Note a line."""
        LINES.append(line)


class Arrive(beam.DoFn):
    """Notes when each result comes."""

    def process(self, result: tuple[int, str]) -> None:
        """Note a result."""
        ARRIVALS.append((time.time(), *result))


def list_records(_: int) -> Iterator[bytes]:
    """Give the records of a piece."""
    yield from write_wines(PIECE).to_pylist()
