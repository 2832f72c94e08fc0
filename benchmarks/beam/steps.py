"""The first and the last step of every pipeline, found by name in this process, where Prism's worker runs."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam

from benchmarks.embedded.models import write_wines

PIECE = 1_000
LINES: list[bytes] = []
"""What has come."""


class Watch(beam.DoFn):
    """Notes each line."""

    def process(self, line: bytes) -> None:
        """Note a line."""
        LINES.append(line)


def list_records(_: int) -> Iterator[bytes]:
    """Give the records of a piece."""
    yield from write_wines(PIECE).to_pylist()
